"""Exports, as their owners order, watch, fetch and delete them.

What the owner may see is frozen when it orders: the file holds that and nothing else, whatever is
granted later. Before a link is given, the owner must still be allowed to see all of it. The same
order, while its file is fresh, is the same job.
"""

import secrets
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from city.clock import SECOND, Clock
from city.errors import Contended, NotFound
from city.json import dump
from city.policy.grants import Access, Action
from city.tenancy import Tenant
from history.days import DAY
from history.exports.frozen import SeriesOf, dump_selection, parse_selection, still_seen
from history.exports.orders import Order
from history.keeping.tasks import BuildExport, Outbox
from history.names import partition
from history.reading.selection import Selection, select
from history.store.directory import Directory
from history.store.exports import Address, ExportStore, Job
from history.store.objects import Objects

DAYS = 7
"""How long a job and its file are there; the bucket's rules say the same (stack/history)."""

FRESH = 15 * 60 * SECOND
"""How long the file of an order answers the same order again."""

STUCK = 30 * 60 * SECOND
"""After so long without a sign of life a job counts as failed: no function runs that long."""

_ACTIVE = ("queued", "running")
_DISCARDED = "something of this type has been deleted since; order the file again"
_UNFINISHED = "the file was not finished in time; order it again, or in smaller parts"


class Link(NamedTuple):
    """Where the file can be downloaded by whoever has the address, until `expires` (µs)."""

    url: str
    expires: int


class Exports:
    """Exports of all tenants; one per process. `link_seconds`: how long links can be used."""

    def __init__(  # noqa: PLR0917 - what it works with
        self,
        jobs: ExportStore,
        objects: Objects,
        directory: Directory,
        outbox: Outbox,
        link_seconds: int,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._objects = objects
        self._directory = directory
        self._outbox = outbox
        self._link_seconds = link_seconds
        self._clock = clock

    def order(self, access: Access, order: Order) -> Job:
        """A job for the order: a new one, or the one that is under way or still fresh.

        Raises NotFound when the caller sees nothing of the kind, and the access's refusal.
        """
        selection = self._select(access, order)
        text = dump_selection(selection)
        id = _id_of(access.subject, order, text)
        found = self._jobs.find(order.tenant, access.subject, id)
        if found is not None and self._is_fresh(found):
            return found
        job = self._new(access.subject, order, id)
        self._objects.put(job.selection, text.encode())
        if not self._jobs.put(job, instead=found):
            self._objects.delete_many([job.selection])
            return self._other(job)
        self._outbox.send([BuildExport(job.address.dump())])
        return job

    def get(self, access: Access, tenant: Tenant, id: str) -> Job:
        """A job of the caller. Raises NotFound."""
        _require_reading(access, tenant)
        job = self._jobs.find(tenant, access.subject, id)
        if job is None:
            raise NotFound(f"there is no export {id}")
        return self._looked_at(job)

    def page(
        self, access: Access, tenant: Tenant, limit: int, after: str | None
    ) -> tuple[list[Job], str | None]:
        """Some of the caller's jobs, and where the next page begins."""
        _require_reading(access, tenant)
        jobs, following = self._jobs.page(tenant, access.subject, limit, after)
        return [self._judged(job) for job in jobs], following

    def link(self, access: Access, job: Job) -> Link | None:
        """A link to the file, once it is there.

        Raises the access's refusal when the caller may not see any more all that is in it.
        """
        if job.state != "done":
            return None
        selection = parse_selection(self._objects.get(job.selection))
        tenant = job.address.tenant
        if not still_seen(selection, access.view(tenant), self._series(tenant)):
            raise access.refusal("you may not see any more all that is in this file")
        seconds = min(self._link_seconds, (job.ends - self._clock()) // SECOND)
        expires = self._clock() + seconds * SECOND
        return Link(self._objects.url(job.file, seconds, job.name), expires)

    def delete(self, access: Access, tenant: Tenant, id: str) -> None:
        """Delete a job with its file; one that is under way stops. Raises NotFound."""
        job = self.get(access, tenant, id)
        self._jobs.delete(job)
        self._objects.delete_many([job.file, job.selection])

    def _select(self, access: Access, order: Order) -> Selection:
        _require_reading(access, order.tenant)
        selection = select(self._directory, order.choice, access.view(order.tenant))
        known = selection.series or order.type in self._directory.types(order.tenant)
        if not selection.parts or not known:
            raise NotFound(f"there is no history of the type {order.type} that you may see")
        return selection

    def _new(self, owner: str, order: Order, id: str) -> Job:
        now, attempt = self._clock(), secrets.token_hex(8)
        place = f"{partition('exports', order.tenant, order.type)}{id}-{attempt}"
        return Job(
            Address(order.tenant, owner, id, attempt),
            order=dump(order.shown()),
            name=order.file_name,
            file=f"{place}.{order.format}",
            selection=f"{place}.json",
            created=now,
            updated=now,
            ends=now + DAYS * DAY,
        )

    def _other(self, job: Job) -> Job:
        """The job that somebody else has put there first."""
        address = job.address
        found = self._jobs.find(address.tenant, address.owner, address.id)
        if found is None:
            raise Contended("the export is being deleted; order it again")
        return found

    def _is_fresh(self, job: Job) -> bool:
        state = self._looked_at(job).state
        is_recent = self._clock() - job.created < FRESH
        return state in _ACTIVE or (state == "done" and is_recent)

    def _looked_at(self, job: Job) -> Job:
        """The job as judged; failed, when a deletion has taken its file away."""
        judged = self._judged(job)
        if judged.state == "done":
            try:
                self._objects.size(judged.file)
            except NotFound:
                return replace(judged, state="failed", reason=_DISCARDED)
        return judged

    def _judged(self, job: Job) -> Job:
        """The job; failed, when nobody can be working on it any more."""
        if job.state in _ACTIVE and self._clock() - job.updated > STUCK:
            return replace(job, state="failed", reason=_UNFINISHED)
        return job

    def _series(self, tenant: Tenant) -> SeriesOf:
        return lambda type: self._directory.of_type(tenant, type)


def _require_reading(access: Access, tenant: Tenant) -> None:
    if not access.may(Action.READ, tenant):
        raise access.refusal("no grant lets you read anything in this tenant")


def _id_of(owner: str, order: Order, selection: str) -> str:
    """The same for the same order of the same owner, who sees the same."""
    scope = [[one.path, one.subtree] for one in order.scope]
    text = dump([order.tenant, owner, order.shown(), scope, selection])
    return blake2b(text.encode(), digest_size=12).hexdigest()
