"""Builds the files of jobs, in the background."""

import logging

from city.clock import SECOND, Clock
from city.faults import is_passing
from city.tenancy import Tenant
from history.exports.builder import Builder, Progress
from history.exports.frozen import parse_selection
from history.exports.orders import parse_contents
from history.names import partition
from history.store.exports import Address, ExportStore, Job, Superseded
from history.store.objects import Objects

NOTE_EVERY = 2 * SECOND

_FAILED = "the file could not be made; the fault has been logged"

_log = logging.getLogger(__name__)


class ExportWorker:
    """Builds files; one per process."""

    def __init__(self, jobs: ExportStore, objects: Objects, builder: Builder, clock: Clock) -> None:
        self._jobs = jobs
        self._objects = objects
        self._builder = builder
        self._clock = clock

    def build(self, job: str) -> None:
        """Build the file of a job (`Address.dump`). One deleted or begun anew is left alone.

        Raises whatever stands in the way; unless it passes by itself, the job has failed then.
        """
        address = Address.parse(job)
        try:
            self._build(self._jobs.start(address))
        except Superseded:
            _log.info("an export was deleted or begun anew")
        except Exception as error:
            if not is_passing(error):
                self._fail(address)
            raise

    def discard(self, tenant: Tenant, type: str) -> None:
        """Delete all files of a type, which may have what was just deleted; what is still to be
        built stays."""
        found = self._objects.keys(partition("exports", tenant, type))
        self._objects.delete_many(key for key in found if not key.endswith(".json"))

    def _build(self, job: Job) -> None:
        selection = parse_selection(self._objects.get(job.selection))
        contents = parse_contents(job.order, selection)
        try:
            built = self._builder.build(contents, job.file, self._noting(job.address))
            self._jobs.finish(job.address, built.rows, built.size)
        except Superseded:
            self._objects.delete_many([job.file, job.selection])
            raise

    def _noting(self, address: Address) -> Progress:
        """Notes progress, but not more often than anybody looks."""
        last = 0

        def note(share: float, rows: int) -> None:
            nonlocal last
            if self._clock() - last >= NOTE_EVERY:
                last = self._clock()
                self._jobs.note(address, share, rows)

        return note

    def _fail(self, address: Address) -> None:
        try:
            self._jobs.fail(address, _FAILED)
        except Superseded:
            return
