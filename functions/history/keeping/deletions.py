"""Deletions: what is to be deleted is out of every reader's sight at once; files follow.

A deletion covers what was recorded until it was asked for; what comes later stays.
`history.keeping.erasure` carries it out.
"""

import secrets
from collections.abc import Iterable, Sequence

from city.clock import Clock
from city.errors import Contended
from city.parallel import in_parallel
from city.policy.grants import Access, Action
from city.tenancy import EVERYWHERE, PathPattern, PathScope, Tenant
from history.keeping.tasks import CarryOutDeletion, Outbox
from history.reading.queries import ALWAYS, Window
from history.store.ledger import Deletion
from history.store.merges import Merges

MAX_IN_FORCE = 200
"""Deletions of a type at a time: each is a condition in every query until it is carried out."""


def covers_all(access: Access, tenant: Tenant, type: str, scope: PathScope) -> bool:
    """Whether the caller may delete whatever is in the scope, also what is not known yet."""
    if access.is_unlimited:
        return True
    about = [
        grant
        for grant in access.in_force(Action.DELETE, tenant)
        if grant.types is None or type in grant.types
    ]
    whole = [grant for grant in about if not grant.names_ids and grant.attributes is None]
    return not any(grant.deny for grant in about) and all(
        any(_is_inside(pattern, grant.path) for grant in whole) for pattern in scope
    )


def _is_inside(inner: PathPattern, outer: PathPattern) -> bool:
    return outer.covers(inner.path) and (outer.subtree or not inner.subtree)


class Deletions:
    """Takes deletions; one per process."""

    def __init__(self, merges: Merges, outbox: Outbox, clock: Clock) -> None:
        self._merges = merges
        self._outbox = outbox
        self._clock = clock

    def request(
        self,
        tenant: Tenant,
        types: Iterable[str],
        *,
        ids: Sequence[str] | None = None,
        scope: PathScope = EVERYWHERE,
        attributes: Sequence[str] | None = None,
        window: Window = ALWAYS,
        by: str,
    ) -> Deletion:
        """Delete what all of this covers: no reader sees it from now on, and files follow.

        `ids` and `attributes` None: all of them. `by` is who asked for it. One deletion, with the
        same id, for each type; the last is the answer. Raises TooLarge for some ten thousand ids, and
        Contended while too many are in force.
        """
        types = list(types)
        for type in types:
            if self._merges.count_deletions(tenant, type, MAX_IN_FORCE) >= MAX_IN_FORCE:
                raise Contended(f"too many deletions of the type {type} are being carried out")
        id, at = secrets.token_hex(8), self._clock()
        deletions = [
            Deletion(
                tenant,
                type,
                id,
                ids=None if ids is None else (*ids,),
                scope=scope,
                attributes=None if attributes is None else (*attributes,),
                start=window.start,
                end=window.end,
                at=at,
                by=by,
            )
            for type in types
        ]
        in_parallel(self._merges.put_deletion, deletions)
        self._outbox.send([CarryOutDeletion(tenant, one.type, id) for one in deletions])
        return deletions[-1]
