"""Who may have recorded what a notification brings."""

from collections.abc import Iterable

from city.policy.grants import Access, Action
from city.tenancy import Tenant
from history.records import Record, Series


def require_create(access: Access, tenant: Tenant, records: Iterable[Record]) -> None:
    """Refuse the notification unless the caller may create all that it brings."""
    names: dict[Series, dict[str, None]] = {}
    for record in records:
        names.setdefault(record.series, {})[record.attribute] = None
    for series, attributes in names.items():
        access.require(
            Action.CREATE, tenant, series.path, series.type, series.id, tuple(attributes)
        )
