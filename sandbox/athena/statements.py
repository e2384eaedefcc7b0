"""A statement as it was submitted: its parameters put in, and what kind of statement it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import Token, TokenType, exp, parse_one, tokenize
from sqlglot.errors import SqlglotError

from sandbox.athena.failures import QueryFailed

DIALECT = "athena"
UNLOAD = re.compile(
    r"UNLOAD\s*\((?P<query>.*)\)\s*TO\s*'(?P<location>s3://[^']+)'\s*WITH\s*\((?P<options>[^()]*)\)",
    re.IGNORECASE | re.DOTALL,
)
OPTION = re.compile(r"(\w+)\s*=\s*'([^']*)'")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and, when it is an UNLOAD, where its rows go: `location` and its options."""

    query: str
    location: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Athena's SubstatementType."""
        return "UNLOAD" if self.location else "SELECT"


def read(text: str, parameters: Sequence[str]) -> Statement:
    """The statement with the parameters in place of its question marks.

    Raises QueryFailed for parameters that do not fit and statements that do not run here.
    """
    bound = _bind(text.strip().rstrip(";"), parameters)
    if unload := UNLOAD.fullmatch(bound):
        options = {name.lower(): value for name, value in OPTION.findall(unload["options"])}
        return Statement(unload["query"], unload["location"], options)
    return Statement(bound)


def tokens_of(text: str) -> list[Token]:
    """Raises QueryFailed for text that holds no tokens of SQL."""
    try:
        return tokenize(text, read=DIALECT)
    except SqlglotError as error:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: {error}") from error


def _bind(text: str, parameters: Sequence[str]) -> str:
    marks = [token for token in tokens_of(text) if token.token_type is TokenType.PLACEHOLDER]
    if len(marks) != len(parameters):
        raise QueryFailed(
            "INVALID_PARAMETER_USAGE",
            f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}",
        )
    if marks and not UNLOAD.fullmatch(text):
        _require_conditions(text)
    for mark, parameter in reversed(list(zip(marks, parameters, strict=True))):
        text = text[: mark.start] + _constant(parameter) + text[mark.end + 1 :]
    return text


def _require_conditions(text: str) -> None:
    """Refuse question marks that Athena does not promise to take: those outside of WHERE."""
    try:
        found = parse_one(text, read=DIALECT).find_all(exp.Placeholder)
    except SqlglotError as error:
        raise QueryFailed("SYNTAX_ERROR", f"line 1:1: {error}") from error
    if any(mark.find_ancestor(exp.Where) is None for mark in found):
        raise QueryFailed("INVALID_PARAMETER_USAGE", "Parameters stand in a WHERE clause only")


def _constant(parameter: str) -> str:
    """The parameter, when it is a constant of SQL: text stands in quotes of its own."""
    try:
        parsed = parse_one(parameter, read=DIALECT)
    except SqlglotError:
        parsed = exp.Column()
    if not _is_constant(parsed):
        raise QueryFailed(
            "INVALID_PARAMETER_USAGE", f"A parameter is a constant, which {parameter} is not"
        )
    return parsed.sql(DIALECT, comments=False)


def _is_constant(value: exp.Expr) -> bool:
    match value:
        case exp.Literal() | exp.Boolean() | exp.Null():
            return True
        case exp.Neg() | exp.Cast():
            return isinstance(value.this, exp.Literal)
        case exp.Array():
            return all(_is_constant(item) for item in value.expressions)
    return False
