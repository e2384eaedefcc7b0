"""Telling faults that pass by themselves from those that come again however often one tries."""

from botocore.exceptions import BotoCoreError, ClientError

from city.dynamodb import error_code
from city.errors import Contended, Unavailable


def is_passing(error: Exception) -> bool:
    """Whether a fault lies with AWS or its load, so that trying again later can help."""
    if isinstance(error, ClientError):
        return error_code(error) != "ValidationException"
    return isinstance(error, Unavailable | Contended | BotoCoreError)
