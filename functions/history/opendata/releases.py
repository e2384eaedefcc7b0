"""The files that the public downloads: a month of a type each, with what the public may see of it.

A file counts only as long as two things are as they were when it was made: what the public sees (the
fingerprint of its grants) and what the ledger has of the month (its `state`). Both are compared
before anybody gets a link; otherwise the file is made anew, and never is an older one handed out.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, get_args

from city.clock import Clock
from city.errors import NotFound, Unavailable
from city.keys import key
from city.policy.grants import Access
from city.tenancy import Tenant
from history.days import day_of, days_of_month
from history.exports.orders import Contents, Format
from history.keeping.tasks import Outbox, PublishMonth
from history.names import partition
from history.opendata.publications import Publications, fingerprint
from history.reading.queries import Choice, window_of
from history.reading.selection import Selection, select
from history.store.datasets import DatasetStore, Download, Publication, Release
from history.store.directory import Directory
from history.store.ledger import Holdings, Ledger
from history.store.objects import Objects

if TYPE_CHECKING:
    from history.exports.builder import Builder

AREA = "open-data"
"""The area of the bucket where the files are."""
LINK_SECONDS = 300
"""How long a link lets download."""
MAX_BYTES_AT_ONCE = 64_000_000
"""Of what is read for a file that a request waits for."""
SETTLING = timedelta(days=1)
"""After the end of a month, until its files are made: what is late comes then, mostly."""

_MONTH = re.compile(r"[1-8][0-9]{3}-(0[1-9]|1[0-2])")
_DIGEST_BYTES = 12
_FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the public sees of a type at one moment."""

    tenant: Tenant
    type: str
    access: Access

    @property
    def view(self) -> str:
        return fingerprint(self.access, self.tenant, self.type)


class Preparing(Unavailable):
    """The file is being made, which takes longer than a request may."""


class Releases:
    """Makes and hands out the files of datasets. `builder` is made when a file is."""

    def __init__(
        self,
        *,
        publications: Publications,
        store: DatasetStore,
        directory: Directory,
        ledger: Ledger,
        objects: Objects,
        builder: Callable[[], "Builder"],
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._publications = publications
        self._store = store
        self._directory = directory
        self._ledger = ledger
        self._objects = objects
        self._builder = builder
        self._outbox = outbox
        self._clock = clock

    def link(self, id: str, month: str, form: str) -> str:
        """An address where a month of a dataset can be downloaded for some minutes.

        Raises NotFound when there is no such dataset or nothing to download, and Preparing when the
        file has to be made first and that takes longer than a request may.
        """
        dataset = self._publications.find(id)
        if dataset is None or form not in _FORMATS or not self._is_closed(month):
            raise NotFound(f"there is no file {month}.{form} of a dataset {id}")
        sight = _Sight(dataset.tenant, dataset.type, self._publications.public())
        release = self._present(sight, month) or self._made_at_once(sight, month)
        if form not in release.files:
            raise NotFound(f"there is no file {month}.{form} of a dataset {id}")
        return self._objects.url(release.files[form].key, LINK_SECONDS, f"{id}-{month}.{form}")

    def stale_months(self, tenant: Tenant, type: str) -> list[str]:
        """The closed months whose files have to be made, after what nobody may have is deleted."""
        if self._publications.of_type(tenant, type) is None:
            self._store.withdraw(tenant, type)
            self._sweep(tenant, type, None)
            return []
        sight = _Sight(tenant, type, self._publications.public())
        publication = self._begun(sight)
        months = publication.months if publication else {}
        states = dict(self._states(tenant, type))
        self._forget(sight, months.keys() - states.keys())
        self._sweep(tenant, type, self._store.publication(tenant, type))
        return [m for m, state in states.items() if m not in months or months[m].state != state]

    def discard(self, tenant: Tenant, type: str) -> None:
        """Delete the files of a type that are not of what there is now, as after a deletion."""
        publication = self._store.publication(tenant, type)
        states = dict(self._states(tenant, type)) if publication else {}
        releases = publication.months.values() if publication else ()
        outdated = [one for one in releases if one.state != states.get(one.month)]
        self._objects.delete_many(file.key for one in outdated for file in one.files.values())

    def make(self, tenant: Tenant, type: str, month: str) -> None:
        """Make the files of a month, unless they are as they should be or the type is not public."""
        if self._publications.of_type(tenant, type) is None or not self._is_closed(month):
            return
        sight = _Sight(tenant, type, self._publications.public())
        if self._present(sight, month) is None:
            self._made(sight, month, self._holdings(sight, month))

    def _present(self, sight: _Sight, month: str) -> Release | None:
        """The files of a month, if they are of what there is and of what the public sees."""
        publication = self._store.publication(sight.tenant, sight.type)
        if publication is None or publication.view != sight.view:
            return None
        release = publication.months.get(month)
        if release is None or release.state != _state(self._holdings(sight, month)):
            return None
        return release if self._are_there(release) else None

    def _are_there(self, release: Release) -> bool:
        try:
            return all(self._objects.size(f.key) == f.size for f in release.files.values())
        except NotFound:
            return False

    def _made_at_once(self, sight: _Sight, month: str) -> Release:
        holdings = self._holdings(sight, month)
        if not holdings.days:
            # not noted: whoever asks for all months that there may be would fill the publication
            return Release(month, "", 0)
        if sum(day.size for day in holdings.days) > MAX_BYTES_AT_ONCE:
            self._outbox.send([PublishMonth(sight.tenant, sight.type, month)])
            raise Preparing("the file is being made; try again in some minutes")
        return self._made(sight, month, holdings)

    def _made(self, sight: _Sight, month: str, holdings: Holdings) -> Release:
        """Make the files of a month; `holdings` were read before, so what comes meanwhile shows."""
        publication = self._begun(sight)
        before = publication.months.get(month) if publication else None
        state, view = _state(holdings), sight.view
        name = f"{month}-{_digest(view, state)}"
        files = self._built(sight, month, name) if holdings.days else {}
        release = self._kept(before, Release(month, state, self._clock(), files))
        if not self._store.note_month(sight.tenant, sight.type, view, release):
            self._objects.delete_many(file.key for file in files.values())
            raise Unavailable("what is public has just changed; try again")
        return release

    def _kept(self, before: Release | None, made: Release) -> Release:
        """The new files or, if they are like those before, these and their time: nothing the public
        does not see may show that something was recorded."""
        former = before or Release(made.month, "", 0)
        if _contents(former) != _contents(made):
            return made
        if not self._are_there(former):
            return replace(made, at=former.at)
        former_keys = {file.key for file in former.files.values()}
        new_keys = {file.key for file in made.files.values()}
        self._objects.delete_many(new_keys - former_keys)
        return replace(former, state=made.state)

    def _built(self, sight: _Sight, month: str, name: str) -> dict[str, Download]:
        """A file of each format; none when the public sees nothing of the month."""
        files: dict[str, Download] = {}
        area = partition(AREA, sight.tenant, sight.type)
        for form in _FORMATS:
            contents = Contents(
                self._selected(sight), sight.type, window_of(*days_of_month(month)), form, "rows"
            )
            built = self._builder().build(contents, f"{area}{name}.{form}")
            if not built.rows:
                self._objects.delete_many([built.key])
                return {}
            files[form] = Download(built.key, built.size, built.sha256)
        return files

    def _selected(self, sight: _Sight) -> Selection:
        choice = Choice(sight.tenant, types=(sight.type,), datasets=None)
        return select(self._directory, choice, sight.access.view(sight.tenant))

    def _begun(self, sight: _Sight) -> Publication | None:
        """The publication under what the public sees now."""
        self._store.publish(sight.tenant, sight.type, sight.view, self._clock())
        return self._store.publication(sight.tenant, sight.type)

    def _forget(self, sight: _Sight, gone: Iterable[str]) -> None:
        """Let months have no files of which the ledger has nothing any more."""
        for month in gone:
            self._made(sight, month, Holdings([]))

    def _sweep(self, tenant: Tenant, type: str, publication: Publication | None) -> None:
        """Delete the files of a type that no month has."""
        releases = publication.months.values() if publication else ()
        kept = {file.key for release in releases for file in release.files.values()}
        found = self._objects.keys(partition(AREA, tenant, type))
        self._objects.delete_many([key for key in found if key not in kept])

    def _states(self, tenant: Tenant, type: str) -> Iterator[tuple[str, str]]:
        """The closed months of which the ledger has anything, and their states."""
        span = self._ledger.span(tenant, type)
        if span is None:
            return
        holdings = self._ledger.days(tenant, type, *span)
        for month in sorted({f"{day.date:%Y-%m}" for day in holdings.days}):
            if self._is_closed(month):
                days = [day for day in holdings.days if f"{day.date:%Y-%m}" == month]
                yield month, _state(Holdings(days, [], holdings.deletions))

    def _holdings(self, sight: _Sight, month: str) -> Holdings:
        return self._ledger.days(sight.tenant, sight.type, *days_of_month(month))

    def _is_closed(self, month: str) -> bool:
        if not _MONTH.fullmatch(month):
            return False
        return days_of_month(month)[1] + SETTLING < day_of(self._clock())


def _contents(release: Release) -> dict[str, str]:
    return {form: file.sha256 for form, file in release.files.items()}


def _state(holdings: Holdings) -> str:
    """The files and the deletions in force, as a short text: another one when anything changed."""
    files = [
        key(day.date.isoformat(), str(day.generation), *sorted(file.name for file in day.files))
        for day in holdings.days
    ]
    return _digest(*files, *(f"x {deletion.id}" for deletion in holdings.deletions))


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
