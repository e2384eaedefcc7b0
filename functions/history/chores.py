"""Who does which task: everything of the task queue's function, made once."""

from collections.abc import Mapping
from datetime import date

from city.aws import client
from city.clock import Clock
from city.table import Table
from history.compaction import Compaction
from history.erasure import Erasure
from history.exports.builder import Builder
from history.exports.worker import ExportWorker
from history.merging import Benches
from history.months import Months
from history.retention import Expiry
from history.settings import CompactSettings
from history.store.directory import Directory
from history.store.exports import ExportStore
from history.store.ledger import Ledger
from history.store.merges import Merges
from history.store.objects import Objects
from history.store.retention import RetentionStore
from history.tasks import (
    ApplyRetention,
    BuildExport,
    BuildMonth,
    CarryOutDeletion,
    CompactDay,
    Doing,
    Task,
)


def chores(settings: CompactSettings, clock: Clock) -> Mapping[type[Task], Doing]:
    """Who does which kind of task, over the table and the bucket of these settings."""
    table = Table(client("dynamodb"), settings.history_table, clock)
    objects = Objects(client("s3"), settings.history_bucket)
    ledger, merges = Ledger(table, clock), Merges(table, clock)
    benches, grace = Benches(), settings.history_grace_seconds
    compaction = Compaction(ledger, merges, objects, benches, clock, grace=grace)
    months = Months(ledger, merges, objects, benches, clock, grace=grace)
    settle = settings.history_settle_seconds
    erasure = Erasure(ledger, merges, Directory(table, clock), compaction, months, clock, settle)
    expiry = Expiry(RetentionStore(table, clock), merges, compaction, months, clock)
    exports = ExportWorker(ExportStore(table, clock), objects, Builder(objects, ledger), clock)

    def compact(task: CompactDay) -> None:
        compaction.compact(task.tenant, task.type, date.fromisoformat(task.day))

    def build_month(task: BuildMonth) -> None:
        months.build(task.tenant, task.type, task.month)

    def carry_out(task: CarryOutDeletion) -> int | None:
        return erasure.carry_out(task.tenant, task.type, task.deletion)

    def apply_retention(task: ApplyRetention) -> None:
        expiry.apply(task.tenant, task.type)

    def build_export(task: BuildExport) -> None:
        exports.build(task.job)

    return {
        CompactDay: compact,
        BuildMonth: build_month,
        CarryOutDeletion: carry_out,
        ApplyRetention: apply_retention,
        BuildExport: build_export,
    }
