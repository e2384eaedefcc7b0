"""How Athena says no: to a request at once, to a query when it has been started."""

from dataclasses import dataclass

USER = 2
"""Athena's error category for what the query's author can change."""


class InvalidRequest(Exception):
    """The request itself is refused; `code` is its AthenaErrorCode."""

    def __init__(self, message: str, code: str = "INVALID_INPUT") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass
class QueryFailed(Exception):
    """The query ends in FAILED; `name` is the engine's name of the reason (SYNTAX_ERROR, …)."""

    name: str
    message: str
    category: int = USER

    @property
    def reason(self) -> str:
        """The StateChangeReason."""
        return f"{self.name}: {self.message}"


class LimitExceeded(Exception):
    """The query would read more than its workgroup allows: it ends in CANCELLED, as on AWS."""
