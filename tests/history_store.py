"""A history on the fake AWS, and faults for its calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city.table import Table
from city.tenancy import Tenant
from history.recording.recorder import Recorder
from history.store.directory import Directory
from history.store.ledger import Ledger
from history.store.objects import Objects
from tests.builders import CITY, FixedClock
from tests.history_oracle import Winners, recorded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


class Crash(BaseException):
    """The process ends in the middle of what it does."""


@dataclass
class History:
    """The stores of a history, and what records into them."""

    dynamodb: "DynamoDBClient"
    table_name: str
    s3: "S3Client"
    bucket: str
    clock: FixedClock

    def __post_init__(self) -> None:
        self.table = Table(self.dynamodb, self.table_name, self.clock)
        self.objects = Objects(self.s3, self.bucket)
        self.ledger = Ledger(self.table, self.clock)
        self.restart()

    def restart(self) -> None:
        """Go on as a new process would, without what the old one remembered."""
        self.directory = Directory(self.table, self.clock)
        self.recorder = Recorder(self.objects, self.ledger, self.directory)

    def recorded(self, type: str = "Room", tenant: Tenant = CITY) -> Winners:
        """The records that count."""
        return recorded(self.objects, self.ledger, tenant, type)

    def keys(self) -> list[str]:
        """All objects in the bucket."""
        return [*self.objects.keys("")]

    @contextmanager
    def crashing(self, at: int, *, afterwards: bool = False) -> Iterator[None]:
        """Crash at the write of this number (from 0), before it is made or right afterwards."""
        writes = iter(range(at + 1))

        def crash(model: Any, **_: object) -> None:
            if model.name.startswith(("Put", "Update", "Delete")) and next(writes, at) == at:
                raise Crash

        event = "after-call" if afterwards else "before-call"
        clients = (self.dynamodb, self.s3)
        for client in clients:
            client.meta.events.register(f"{event}.*", crash)
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister(f"{event}.*", crash)
