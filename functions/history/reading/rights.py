"""What somebody may read, as a short text: equal texts mean the same view of a tenant."""

from collections.abc import Iterable
from hashlib import blake2b

from city.json import dump
from city.policy.grant_forms import pack
from city.policy.grants import Access, Action, Grant
from city.tenancy import Tenant

_BYTES = 16


def fingerprint_of(grants: Iterable[Grant]) -> str:
    """What grants of one action in one tenant show, whencever they come and until when they are."""
    meant = sorted(dump(_meaning(grant)) for grant in grants)
    return blake2b("\n".join(meant).encode(), digest_size=_BYTES).hexdigest()


def reader(access: Access, tenant: Tenant) -> str:
    """The caller with what it may read of the tenant now: with other rights it is another reader."""
    if access.is_unlimited:
        return access.subject
    return f"{access.subject} {fingerprint_of(access.in_force(Action.READ, tenant))}"


def _meaning(grant: Grant) -> dict[str, object]:
    packed = pack(grant)
    return {name: packed[name] for name in "pyixnd" if name in packed}
