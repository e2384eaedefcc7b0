"""What a notification may bring, and who may have it recorded."""

from collections.abc import Iterable

from city.errors import TooLarge
from city.policy.grants import Access, Action
from city.tenancy import Tenant
from history.records import MILLISECOND, Record, Series

MAX_FILES = 400
"""Of one notification: each day of each type becomes a file. More than a year of one type."""

_DAY = 86_400_000 * MILLISECOND


def require_few_files(records: Iterable[Record]) -> None:
    """Refuse a notification that would be too many files. Raises TooLarge."""
    files = {(record.series.type, record.ts // _DAY) for record in records}
    if len(files) > MAX_FILES:
        raise TooLarge(
            f"the notification has {len(files)} days of types; send at most {MAX_FILES} at once"
        )


def require_create(access: Access, tenant: Tenant, records: Iterable[Record]) -> None:
    """Refuse the notification unless the caller may create all that it brings."""
    names: dict[Series, dict[str, None]] = {}
    for record in records:
        names.setdefault(record.series, {})[record.attribute] = None
    for series, attributes in names.items():
        access.require(
            Action.CREATE, tenant, series.path, series.type, series.id, tuple(attributes)
        )
