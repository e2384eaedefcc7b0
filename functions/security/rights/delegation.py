"""What one may give to others: nobody can hand out, or hand himself, more than his own.

The test whether rights cover a grant is conservative: one single allow must cover all of it, for
each of its actions. It ignores denies, so whoever relies on it lets the denies hold as well: an API
key gets its owner's denies with its grants, and a subject keeps its own.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from city.errors import Forbidden, InvalidRequest
from city.policy.grants import ANY_TENANT, PUBLIC_ID, Action, Grant
from city.regex import compile_pattern
from city.tenancy import PathPattern

if TYPE_CHECKING:
    from city.policy import Caller


def covered(grant: Grant, rights: Iterable[Grant]) -> bool:
    """Whether everything an allow lets do is allowed by `rights`, as far as we can tell."""
    allows = [right for right in rights if not right.deny]
    return all(
        any(action in right.actions and _is_within(grant, right) for right in allows)
        for action in grant.actions
    )


def inherited(owner: str, denies: Iterable[Grant]) -> tuple[Grant, ...]:
    """The denies of an owner as what it owns holds them."""
    return tuple(
        replace(deny, id=f"owner:{deny.id}", origin=f"owner:{owner}")
        for deny in denies
        if deny.deny
    )


def require_may_give(caller: "Caller", subject: str, grant: Grant) -> None:
    """Refuse a grant that the caller may not give to the subject. Raises Forbidden.

    It takes whom `require_may_write` asks for. Even he gives himself nothing that he has not; the
    public may only read.
    """
    require_may_write(caller, grant)
    if subject == PUBLIC_ID and grant.actions != {Action.READ}:
        raise InvalidRequest("actions: the public may only be granted read")
    if _acts_as(caller, subject) and not grant.deny and not _holds(caller, grant):
        raise Forbidden("you may not raise your own rights; another administrator has to")


def require_may_write(caller: "Caller", grant: Grant) -> None:
    """Refuse a grant that the caller may give to nobody. Raises Forbidden.

    It takes an administrator of the grant's tenant, or of the platform for ANY_TENANT and to deny
    administration: nobody shuts those out of a tenant who are above him.
    """
    denies_administration = grant.deny and Action.ADMIN in grant.actions
    require_admin(caller, ANY_TENANT if denies_administration else grant.tenant)


def require_may_take(caller: "Caller", subject: str, grant: Grant) -> None:
    """Refuse to take a grant away: as giving, and nobody lifts a deny from himself."""
    require_admin(caller, grant.tenant)
    if _acts_as(caller, subject) and grant.deny:
        raise Forbidden("you may not lift a deny from yourself; another administrator has to")


def require_admin(caller: "Caller", tenant: str) -> None:
    """Refuse whoever does not administer the tenant (ANY_TENANT: the platform)."""
    caller.access.require_admin(None if tenant == ANY_TENANT else tenant)


def is_own(caller: "Caller", subject: str) -> bool:
    """Whether the subject is the caller itself."""
    return subject == caller.subject.id


def _acts_as(caller: "Caller", subject: str) -> bool:
    """Whether the subject is the caller, the application through which it calls or, of an API key
    or a machine client, whose it is."""
    payer = caller.account.payer if caller.account else ""
    return subject in {caller.subject.id, caller.subject.client, payer} - {""}


def _holds(caller: "Caller", grant: Grant) -> bool:
    return caller.access.is_unlimited or covered(grant, caller.access.grants)


def _is_within(grant: Grant, right: Grant) -> bool:
    return (
        right.tenant in (ANY_TENANT, grant.tenant)
        and _is_below(grant.path, right.path)
        and _is_part(grant.types, right.types)
        and _is_part(grant.attributes, right.attributes)
        and _has_ids_within(grant, right)
        and _is_during(grant, right)
    )


def _is_below(path: PathPattern, other: PathPattern) -> bool:
    return path == other or (other.subtree and path.path.startswith(other.path))


def _is_part(names: frozenset[str] | None, others: frozenset[str] | None) -> bool:
    return others is None or (names is not None and names <= others)


def _has_ids_within(grant: Grant, right: Grant) -> bool:
    if not _is_part(grant.ids, right.ids):
        return False
    if right.id_pattern is None or right.id_pattern == grant.id_pattern:
        return True
    if grant.ids is None:
        return False
    pattern = compile_pattern(right.id_pattern)
    return all(pattern.matches_whole(id) for id in grant.ids)


def _is_during(grant: Grant, right: Grant) -> bool:
    starts = right.starts is None or (grant.starts is not None and grant.starts >= right.starts)
    ends = right.ends is None or (grant.ends is not None and grant.ends <= right.ends)
    return starts and ends
