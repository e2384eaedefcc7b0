"""The environment variables of the context functions."""

from city.settings import AccessSettings, Settings


class ApiSettings(AccessSettings):
    """context.api: `query_budget` is the most entities one query may read."""

    context_table: str
    query_budget: int = 20_000
    max_body_bytes: int = 1_048_576


class MatcherSettings(Settings):
    """context.matcher."""

    context_table: str
    notification_queue_url: str
    stream_dead_letter_queue_url: str


class SenderSettings(Settings):
    """context.sender: a notification is retried for `notification_retry_seconds`."""

    context_table: str
    retry_queue_url: str
    notification_dead_letter_queue_url: str
    notification_retry_seconds: int = 86_400
    allow_loopback: bool = False
