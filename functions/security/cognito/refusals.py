"""What all calls of the user pool (Amazon Cognito) have in common: its refusals, in our words.

Cognito allows each kind of call so many times a second in the whole account (reading users 120,
creating them 50, clients 5 by operation); a call beyond that is refused and can be repeated.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions

from city.dynamodb import error_code
from city.errors import Unavailable

_CAPACITY_ERRORS = frozenset(
    {
        "InternalErrorException",
        "LimitExceededException",
        "ServiceUnavailable",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn throttling and lost connections into `Unavailable`; other refusals pass through."""
    try:
        yield
    except exceptions.ClientError as error:
        if error_code(error) in _CAPACITY_ERRORS:
            raise Unavailable("the user pool is at its rate limit; try again") from error
        raise
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable("the user pool does not answer; try again") from error
