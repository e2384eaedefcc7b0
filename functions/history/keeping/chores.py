"""Who does which task: everything of the task queue's function, made once."""

from collections.abc import Mapping

from city.aws import client
from city.clock import Clock
from city.policy.accounts import Accounts
from city.table import Table
from history.exports.builder import Builder
from history.exports.worker import ExportWorker
from history.keeping.backlog import Backlog
from history.keeping.compaction import Compaction
from history.keeping.erasure import Erasure
from history.keeping.merging import Benches
from history.keeping.months import Months
from history.keeping.retention import Expiry
from history.keeping.tasks import (
    ApplyRetention,
    BuildExport,
    BuildMonth,
    CarryOutDeletion,
    CompactDays,
    Doing,
    Outbox,
    PublishDataset,
    PublishMonth,
    Task,
)
from history.opendata.public import PublicAccess
from history.opendata.publications import Publications
from history.opendata.releases import Releases
from history.settings import CompactSettings
from history.store.datasets import DatasetStore
from history.store.directory import Directory
from history.store.exports import ExportStore
from history.store.ledger import Ledger
from history.store.merges import Merges
from history.store.objects import Objects
from history.store.retention import RetentionStore


def chores(settings: CompactSettings, outbox: Outbox, clock: Clock) -> Mapping[type[Task], Doing]:
    """Who does which kind of task, over the table and the bucket of these settings.

    What a task finds to be done after it goes into the outbox.
    """
    table = Table(client("dynamodb"), settings.history_table, clock)
    objects = Objects(client("s3"), settings.history_bucket)
    ledger, merges = Ledger(table, clock), Merges(table, clock)
    benches, grace = Benches(), settings.history_grace_seconds
    compaction = Compaction(ledger, merges, objects, benches, clock, grace=grace)
    backlog = Backlog(compaction, merges, benches, outbox, clock)
    months = Months(ledger, merges, objects, benches, clock, grace=grace)
    settle = settings.history_settle_seconds
    erasure = Erasure(ledger, merges, Directory(table, clock), compaction, months, clock, settle)
    expiry = Expiry(RetentionStore(table, clock), merges, compaction, months, clock)
    builder = Builder(objects, ledger)
    exports = ExportWorker(ExportStore(table, clock), objects, builder, clock)
    releases = _releases(settings, outbox, table, builder, clock)

    def compact(task: CompactDays) -> None:
        backlog.work_off(task)

    def build_month(task: BuildMonth) -> None:
        months.build(task.tenant, task.type, task.month)

    def carry_out(task: CarryOutDeletion) -> int | None:
        again = erasure.carry_out(task.tenant, task.type, task.deletion)
        if again is None:
            releases.discard(task.tenant, task.type)
            exports.discard(task.tenant, task.type)
            outbox.send([PublishDataset(task.tenant, task.type)])
        return again

    def apply_retention(task: ApplyRetention) -> None:
        expiry.apply(task.tenant, task.type)

    def build_export(task: BuildExport) -> None:
        exports.build(task.job)

    return {
        CompactDays: compact,
        BuildMonth: build_month,
        CarryOutDeletion: carry_out,
        ApplyRetention: apply_retention,
        BuildExport: build_export,
        **_publishing(releases, outbox),
    }


def _publishing(releases: Releases, outbox: Outbox) -> Mapping[type[Task], Doing]:
    """Who does the tasks of the open data."""

    def publish(task: PublishDataset) -> None:
        stale = releases.stale_months(task.tenant, task.type)
        outbox.send([PublishMonth(task.tenant, task.type, month) for month in stale])

    def publish_month(task: PublishMonth) -> None:
        releases.make(task.tenant, task.type, task.month)

    return {PublishDataset: publish, PublishMonth: publish_month}


def _releases(
    settings: CompactSettings, outbox: Outbox, table: Table, builder: Builder, clock: Clock
) -> Releases:
    """Who makes the files for the public, as its account is at that moment."""
    accounts = Accounts(client("dynamodb"), settings.security_table, 0, clock)
    public = PublicAccess(accounts, clock, is_open=settings.public_access)
    directory, store = Directory(table, clock), DatasetStore(table)
    return Releases(
        publications=Publications(directory, store, public),
        store=store,
        directory=directory,
        ledger=Ledger(table, clock),
        objects=Objects(client("s3"), settings.history_bucket),
        builder=lambda: builder,
        outbox=outbox,
        clock=clock,
    )
