"""The ids of datasets: what is stable about an entity type of a tenant, as a name that CKAN takes.

    AirQualityObserved of the default tenant      air-quality-observed
    AirQualityObserved of `santander`             santander--air-quality-observed
    anything else, such as urn:x:Noise            urn-x-noise--03b1c0f5e0d4f

Words of a plain type begin with a letter, so the last form, whose end is a 0 and a hash, is no other
type's. Two types therefore never share an id.
"""

import re
from hashlib import blake2b
from uuid import UUID, uuid5

from city.keys import key
from city.tenancy import Tenant

MAX_LENGTH = 100
"""Characters that CKAN allows in the name of a dataset."""

DEFAULT_ORGANISATION = "default-tenant"
"""The organisation that the default tenant is; no tenant has a hyphen in its name."""

_PLAIN = re.compile(r"(?:[A-Z][a-z0-9]*)+")
_WORD = re.compile(r"[A-Z][a-z0-9]*")
_OTHER = re.compile(r"[^a-z0-9]+")
_HASH_BYTES = 6
_SLUG_LENGTH = 30
_NAMESPACE = UUID("5a1b5f6e-3c39-5c0e-9a65-0d1f6a7c4d11")


def dataset_id(tenant: Tenant, type: str) -> str:
    """The id of the dataset that an entity type of a tenant is."""
    if _PLAIN.fullmatch(type):
        plain = _joined(tenant, "-".join(_WORD.findall(type)).lower())
        if len(plain) <= MAX_LENGTH:
            return plain
    digest = blake2b(key(tenant, type).encode(), digest_size=_HASH_BYTES).hexdigest()
    slug = _OTHER.sub("-", type.lower()).strip("-")[:_SLUG_LENGTH].strip("-") or "type"
    return _joined(tenant, f"{slug}--0{digest}")


def organisation_id(tenant: Tenant) -> str:
    """The name of the organisation that a tenant is to CKAN."""
    return tenant or DEFAULT_ORGANISATION


def uuid(*parts: str) -> str:
    """A UUID that stands for the same thing for ever, as CKAN's own things have."""
    return str(uuid5(_NAMESPACE, "\n".join(parts)))


def _joined(tenant: Tenant, name: str) -> str:
    return f"{tenant}--{name}" if tenant else name
