"""The services of the history API, shared by all requests of a process.

Each is made with the first request that needs it, and its modules load then: DuckDB alone takes
longer to load than most queries take.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from city.aws import client
from city.clock import now
from city.table import Table
from history.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from history.comet.reads import Reads
    from history.comet.removals import Removals
    from history.exports.exports import Exports
    from history.keeping.deletions import Deletions
    from history.keeping.retention import Retention
    from history.opendata.services import OpenData
    from history.reading.large_queries import LargeQueries
    from history.reading.planner import Planner
    from history.recording.recorder import Recorder
    from history.store.directory import Directory
    from history.store.ledger import Ledger
    from history.store.objects import Objects
    from history.store.tasks import TaskQueue


class Services:
    """What routes call, over one client of each service of AWS."""

    def __init__(self, settings: ApiSettings, dynamodb: "DynamoDBClient") -> None:
        self.settings = settings
        self.clock = now
        self.dynamodb = dynamodb
        self.table = Table(dynamodb, settings.history_table, now)

    @cached_property
    def objects(self) -> "Objects":
        """The history bucket."""
        from history.store.objects import Objects  # noqa: PLC0415

        return Objects(client("s3"), self.settings.history_bucket)

    @cached_property
    def ledger(self) -> "Ledger":
        """Which files there are."""
        from history.store.ledger import Ledger  # noqa: PLC0415

        return Ledger(self.table, self.clock)

    @cached_property
    def directory(self) -> "Directory":
        """Which series there are."""
        from history.store.directory import Directory  # noqa: PLC0415

        return Directory(self.table, self.clock)

    @cached_property
    def recorder(self) -> "Recorder":
        """What puts records into the history."""
        from history.recording.recorder import Recorder  # noqa: PLC0415

        return Recorder(self.objects, self.ledger, self.directory)

    @cached_property
    def planner(self) -> "Planner":
        """What answers queries."""
        from history.reading.engine import Engine, Place  # noqa: PLC0415
        from history.reading.planner import Planner  # noqa: PLC0415

        place = Place.bucket(self.objects.s3_uri(""), self.dynamodb.meta.region_name)
        return Planner(self.ledger, self.directory, self.objects, Engine(place), self.large_queries)

    @cached_property
    def large_queries(self) -> "LargeQueries":
        """Queries that Athena runs."""
        from history.reading.large_queries import LargeQueries  # noqa: PLC0415
        from history.store.athena import Athena  # noqa: PLC0415

        settings = self.settings
        athena = Athena(client("athena"), settings.athena_workgroup, settings.athena_database)
        return LargeQueries(athena, self.table, clock=self.clock)

    @cached_property
    def outbox(self) -> "TaskQueue":
        """Where tasks are put that are done in the background."""
        from history.store.tasks import TaskQueue  # noqa: PLC0415

        return TaskQueue(client("sqs"), self.settings.history_task_queue_url)

    @cached_property
    def deletions(self) -> "Deletions":
        """What takes deletions."""
        from history.keeping.deletions import Deletions  # noqa: PLC0415
        from history.store.merges import Merges  # noqa: PLC0415

        return Deletions(Merges(self.table, self.clock), self.outbox, self.clock)

    @cached_property
    def comet(self) -> "Reads":
        """Reads of STH-Comet."""
        from history.comet.reads import Reads  # noqa: PLC0415

        return Reads(self.planner)

    @cached_property
    def removals(self) -> "Removals":
        """Removals of STH-Comet."""
        from history.comet.removals import Removals  # noqa: PLC0415

        return Removals(self.directory, self.deletions)

    @cached_property
    def exports(self) -> "Exports":
        """Exports."""
        from history.exports.exports import Exports  # noqa: PLC0415
        from history.store.exports import ExportStore  # noqa: PLC0415

        return Exports(
            ExportStore(self.table, self.clock),
            self.objects,
            self.directory,
            self.outbox,
            self.settings.export_link_seconds,
            self.clock,
        )

    @cached_property
    def retention(self) -> "Retention":
        """For how long history is kept."""
        from history.keeping.retention import Retention  # noqa: PLC0415
        from history.store.retention import RetentionStore  # noqa: PLC0415

        return Retention(RetentionStore(self.table, self.clock))

    @cached_property
    def open_data(self) -> "OpenData":
        """The open data."""
        from history.opendata.services import OpenData  # noqa: PLC0415

        return OpenData(self)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


HistoryServices = Annotated[Services, Depends(_services)]
