"""Conditions on the attributes of an entity, whatever query language wrote them.

A statement names a place in the entity (an attribute, a metadata item of it, a path inside the
value) and a test. A test holds when any value found there passes, an array counting as its
elements too; a negated test needs a value as well, and that none of them passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from city.document import Attribute, Entity, same_json
from city.json import Json
from city.regex import Pattern
from context.values import (
    BUILTIN_ATTRIBUTES,
    BUILTIN_METADATA,
    alternatives,
    comparable,
    reach,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement looks: `attribute`, or its `metadata` item, and a path inside the value."""

    attribute: str
    metadata: str | None = None
    path: tuple[str, ...] = ()

    def values(self, entity: Entity) -> list[Json]:
        """The values there; a null is a value, and nothing there is the empty list."""
        root = list(self._root(entity))
        return [found for value in root for found in reach(value, self.path)]

    def _root(self, entity: Entity) -> Iterator[Json]:
        if self.metadata is None and self.attribute in BUILTIN_ATTRIBUTES:
            builtin = BUILTIN_ATTRIBUTES[self.attribute](entity)
            if builtin is not None:
                yield builtin
            return
        attribute = entity.attributes.get(self.attribute)
        if attribute is None:
            return
        if self.metadata is None:
            yield comparable(attribute)
        else:
            yield from _metadata(attribute, self.metadata)


class Test(Protocol):
    """What one value must fulfil."""

    def accepts(self, value: Json) -> bool:
        """Whether the value passes; a value of a type the test is not about does not."""
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """Equal to one of the choices, as JSON: 1 equals 1.0, "1" does not equal 1."""

    choices: tuple[Json, ...]

    def accepts(self, value: Json) -> bool:
        return any(same_json(value, choice) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` to `high`, both included; numbers and dates, or strings by code point."""

    low: float | str
    high: float | str

    def accepts(self, value: Json) -> bool:
        return _order(value, self.low) in {0, 1} and _order(value, self.high) in {-1, 0}


@dataclass(frozen=True, slots=True)
class Ordered:
    """Compares with `limit` in one of the accepted ways: -1 below, 0 equal, 1 above."""

    limit: float | str
    accepted: frozenset[int]

    def accepts(self, value: Json) -> bool:
        return _order(value, self.limit) in self.accepted


@dataclass(frozen=True, slots=True)
class Like:
    """A string in which the pattern occurs."""

    pattern: Pattern

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str) and self.pattern.search(value)


@dataclass(frozen=True, slots=True)
class Statement:
    """A condition on one place: that something is there (no test), or that it passes a test."""

    place: Place
    test: Test | None = None
    negated: bool = False

    def holds(self, entity: Entity) -> bool:
        """Whether the entity fulfils the statement."""
        values = self.place.values(entity)
        if self.test is None:
            return bool(values) != self.negated
        passed = any(map(self.test.accepts, alternatives(values)))
        return bool(values) and passed != self.negated


@dataclass(frozen=True, slots=True)
class Query:
    """Statements that must all hold."""

    statements: tuple[Statement, ...]

    def matches(self, entity: Entity) -> bool:
        """Whether the entity fulfils every statement."""
        return all(statement.holds(entity) for statement in self.statements)


def _order(value: Json, limit: float | str) -> int | None:
    """-1, 0 or 1 as the value is below, equal to or above the limit; None across types."""
    if isinstance(value, str) and isinstance(limit, str):
        return (value > limit) - (value < limit)
    if isinstance(value, bool) or isinstance(limit, str):
        return None
    if isinstance(value, int | float):
        return (value > limit) - (value < limit)
    return None


def _metadata(attribute: Attribute, name: str) -> Iterator[Json]:
    if name in BUILTIN_METADATA:
        yield BUILTIN_METADATA[name](attribute)
    elif name in attribute.metadata:
        yield comparable(attribute.metadata[name])
