"""Telling faults that pass by themselves from those that come again however often one tries."""

from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from city.dynamodb import error_code
from city.errors import Contended, Unavailable

_LASTING = frozenset({"ValidationException", "ValidationError"})
"""What DynamoDB calls bad content, of one request and of a statement in a transaction."""


def is_passing(error: Exception) -> bool:
    """Whether a fault lies with AWS or its load, so that trying again later can help."""
    if isinstance(error, ClientError):
        reasons = cast("list[dict[str, Any]]", error.response.get("CancellationReasons", []))
        return _LASTING.isdisjoint({error_code(error), *(one.get("Code") for one in reasons)})
    return isinstance(error, Unavailable | Contended | BotoCoreError)
