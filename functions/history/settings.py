"""The environment variables of the history functions."""

from typing import Literal

from pydantic import Field

from city.settings import AccessSettings, Settings

QuantumLeapDialect = Literal["1.0.0", "1.0.1"]


class StoreSettings(Settings):
    """Where the history is: `history_table` says which files there are in `history_bucket`."""

    history_table: str
    history_bucket: str


class ArchiveSettings(StoreSettings):
    """history.archive: reads the parts of large entities in `context_table`."""

    context_table: str
    archive_dead_letter_queue_url: str


class CompactSettings(StoreSettings):
    """history.compact: takes tasks, and puts those that it cannot do among the dead letters.

    Files that were replaced are kept for `history_grace_seconds`, longer than any query runs. A
    deletion is carried out after `history_settle_seconds`, longer than any recording takes. Files for
    the public hold what its account in `security_table` lets it see, or everything if there is
    `public_access` (sandbox only).
    """

    security_table: str
    public_access: bool = False
    history_task_queue_url: str
    history_task_dead_letter_queue_url: str
    history_grace_seconds: int = 900
    history_settle_seconds: int = 900


class ScheduleSettings(StoreSettings):
    """history.schedule: looks for what is to be done, and queues it."""

    history_task_queue_url: str


class ApiSettings(AccessSettings, StoreSettings):
    """history.api.

    - `context_table`: the entities as they are now; the last value of an attribute is read there.
    - `history_task_queue_url`: where deletions and exports are worked off.
    - `athena_workgroup`, `athena_database`: where large queries go.
    - `quantum_leap_dialect`: the version of QuantumLeap whose answers clients get.
    - `export_link_seconds`: how long the link to an export can be used.
    - `public_url`: where the APIs answer, if not where a request says (a domain of the city's own).
    """

    context_table: str
    history_task_queue_url: str
    athena_workgroup: str
    athena_database: str
    quantum_leap_dialect: QuantumLeapDialect = "1.0.0"
    export_link_seconds: int = Field(900, ge=60, le=43_200)
    public_url: str = ""
    max_body_bytes: int = 4_194_304
