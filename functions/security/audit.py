"""The audit trail of a city: every administrative change, and decisions (see `city.policy.audit`).

Entries are read by tenant, the newest first, day by day. A request looks at a bounded number of
entries and days and may therefore find few or none before the end; its answer says where to go on.
That is a place in time and no permission: the tenant is that of the request.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from city.clock import Clock
from city.errors import InvalidRequest
from city.policy.audit import DAY, audit_row
from security.store.audit import AuditStore, Entry, moment_of

MAX_DAYS = 31
MAX_ENTRIES = 1000
"""Days and entries that one request looks at."""

NOTHING: Mapping[str, str] = {}
_PLACE = re.compile(r"\d{16}(?:\x1f[0-9a-f]{8})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a tenant are asked for: `first` and `last` in microseconds, inclusive."""

    tenant: str
    first: int
    last: int
    actor: str | None = None
    action: str | None = None
    outcome: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is one of them."""
        return (
            self.actor in (None, entry.actor)
            and self.action in (None, entry.action)
            and self.outcome in (None, entry.outcome)
        )


class Audit:
    """Adds to the trail and reads it; `days` is how long an entry is kept."""

    def __init__(self, store: AuditStore, days: int, clock: Clock) -> None:
        self._store = store
        self._days = days
        self._clock = clock

    def record(
        self,
        *,
        actor: str,
        action: str,
        tenant: str,
        target: str,
        outcome: str = "done",
        detail: Mapping[str, str] = NOTHING,
    ) -> None:
        """Add what an administrator did: subject, verb ("grant:create"), tenant ("*" and "-" mean
        the platform) and what it was done to, by id. No secret and nothing personal."""
        self._store.add(
            audit_row(
                at=self._clock(),
                days=self._days,
                actor=actor,
                action=action,
                tenant=tenant,
                target=target,
                outcome=outcome,
                detail=detail,
            )
        )

    def find(self, wanted: Wanted, limit: int, after: str | None) -> tuple[list[Entry], str | None]:
        """Up to `limit` entries, the newest first, and the place to go on after, if there is more.

        Raises InvalidRequest for a place that this has not given.
        """
        oldest = max(wanted.first, self._clock() - (self._days + 1) * DAY)
        found: list[Entry] = []
        for looked, (entry, place) in enumerate(self._walk(wanted, oldest, after), 1):
            if entry is None:
                return found, place
            if wanted.takes(entry):
                found.append(entry)
            if len(found) == limit or looked == MAX_ENTRIES:
                return found, entry.place
        return found, None

    def _walk(
        self, wanted: Wanted, oldest: int, after: str | None
    ) -> Iterator[tuple[Entry | None, str | None]]:
        """The entries, and at last where to go on after the days looked at, or None at the end."""
        place = _checked(after) if after else f"{wanted.last:016d}"
        for _ in range(MAX_DAYS):
            at = moment_of(place)
            if at < oldest:
                break
            for entry in self._store.day(wanted.tenant, oldest, place):
                yield entry, None
            place = f"{at - at % DAY - 1:016d}"
        else:
            yield None, place
            return
        yield None, None


def _checked(place: str) -> str:
    if not _PLACE.fullmatch(place):
        raise InvalidRequest("token is not one that this API has given")
    return place
