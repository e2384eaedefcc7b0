"""The environment variables of the context functions."""

from pydantic import Field

from city.settings import AccessSettings, Settings


class ApiSettings(AccessSettings):
    """context.api: `query_budget` is the most entities one query may read."""

    context_table: str
    query_budget: int = 20_000
    max_body_bytes: int = 1_048_576


class OwnersSettings(Settings):
    """What a function needs to know what owners of subscriptions may be told.

    Accounts are in `security_table` and are kept for `grant_seconds`; `public_access` lets owners
    be told everything (sandbox only).
    """

    security_table: str
    grant_seconds: int = Field(30, ge=0, le=30)
    public_access: bool = False


class MatcherSettings(OwnersSettings):
    """context.matcher."""

    context_table: str
    notification_queue_url: str
    stream_dead_letter_queue_url: str


class SenderSettings(OwnersSettings):
    """context.sender: a notification is retried for `notification_retry_seconds`."""

    context_table: str
    retry_queue_url: str
    notification_dead_letter_queue_url: str
    notification_retry_seconds: int = 86_400
    allow_loopback: bool = False
