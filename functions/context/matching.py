"""Which subscriptions a change triggers.

Subscriptions are compiled once per version and indexed by entity id, entity type and attribute,
so a change looks only at those that name what it touched, not at all of the tenant's. Whether a
candidate is triggered follows NGSI-v2 "Notification Triggering" and "Subscriptions based in
alteration type", on the images of the change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

from city.clock import SECOND
from city.document import Entity, Identity
from city.errors import InvalidPattern, InvalidRequest
from city.regex import Pattern, compile_pattern
from city.tenancy import PathPattern, parse_read_scope
from context.changes import Alteration, Change
from context.ngsi_v2.geo import parse_geo_expression
from context.ngsi_v2.query_language import parse_mq, parse_q
from context.store.subscriptions import StoredSubscription
from models.ngsi_v2.subscription import EntitySelector, Expression, Subject

ANYTHING = ".*"
"""The pattern nearly every subscription uses; it needs no regular expression."""

MAX_COMBINATIONS = 10_000
"""Of the entities and the attributes of one subscription, each of which is a key of the index."""

MAX_PATTERNS = 100
"""Of one subscription: a compiled one may take hundreds of kilobytes, and all stay compiled."""

_DEFAULT_ALTERATIONS = frozenset({Alteration.CREATE, Alteration.CHANGE})
_DELETION = "\u001f"
"""Stands for "the entity is deleted" among attribute names of the index."""

_Key = tuple[str | None, str | None, str | None]


class Condition(Protocol):
    """A filter on the entity after the change."""

    def matches(self, entity: Entity) -> bool:
        """Whether the entity passes."""
        ...


@dataclass(frozen=True, slots=True)
class Selector:
    """One of a subscription's `entities`; None matches anything."""

    id: str | None
    id_pattern: Pattern | None
    type: str | None
    type_pattern: Pattern | None

    def selects(self, identity: Identity) -> bool:
        """Whether the entity is one of those meant."""
        return (
            self.id in (None, identity.id)
            and self.type in (None, identity.type)
            and (self.id_pattern is None or self.id_pattern.search(identity.id))
            and (self.type_pattern is None or self.type_pattern.search(identity.type))
        )


@dataclass(frozen=True, slots=True)
class CompiledSubject:
    """A subject with its patterns and filters ready to run."""

    selectors: tuple[Selector, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class CompiledSubscription:
    """A subscription that is ready to be matched."""

    stored: StoredSubscription
    subject: CompiledSubject
    path: PathPattern

    @cached_property
    def alterations(self) -> frozenset[Alteration]:
        """The kinds of change it wants. Wanting updates includes real changes."""
        listed = self.stored.document.subject.condition.alteration_types
        wanted = frozenset(map(Alteration, listed)) or _DEFAULT_ALTERATIONS
        return wanted | {Alteration.CHANGE} if Alteration.UPDATE in wanted else wanted

    @cached_property
    def watched(self) -> frozenset[str]:
        """The attributes that trigger it; empty means all."""
        return frozenset(self.stored.document.subject.condition.attrs)

    def triggered_by(self, change: Change) -> bool:
        """Whether this change is to be notified to this subscription."""
        return (
            self._is_awake(change.at)
            and self._wants(change)
            and self.path.covers(change.identity.path)
            and any(selector.selects(change.identity) for selector in self.subject.selectors)
            and all(condition.matches(change.entity) for condition in self.subject.conditions)
        )

    def _is_awake(self, at: int) -> bool:
        """Whether it existed at that moment and had not expired.

        Only the second is known of deletions, so one in the second of the creation counts.
        """
        first = self.stored.since
        return at >= first - (first % SECOND if at % SECOND == 0 else 0) and (
            self.stored.expires is None or at < self.stored.expires
        )

    def _wants(self, change: Change) -> bool:
        counts_metadata = self.stored.document.subject.condition.notify_on_metadata_change
        alteration = change.alteration
        if alteration is Alteration.CHANGE and change.only_metadata and not counts_metadata:
            alteration = Alteration.UPDATE
        if alteration not in self.alterations:
            return False
        if alteration is Alteration.DELETE:
            return True
        if alteration is Alteration.CREATE and not self.watched:
            return True
        if alteration is not Alteration.CREATE and Alteration.UPDATE in self.alterations:
            return self._watches(change.touched)
        changed = change.values | change.metadata if counts_metadata else change.values
        return self._watches(changed)

    def _watches(self, names: Iterable[str]) -> bool:
        if self.watched:
            return not self.watched.isdisjoint(names)
        return any(True for _ in names)


class SubscriptionIndex:
    """The active subscriptions of one tenant at one version."""

    def __init__(self, subscriptions: Iterable[CompiledSubscription]) -> None:
        self._entries: dict[_Key, list[CompiledSubscription]] = {}
        for subscription in subscriptions:
            for key in _keys(subscription):
                self._entries.setdefault(key, []).append(subscription)

    def candidates(self, change: Change) -> list[CompiledSubscription]:
        """Subscriptions that name the entity, or all of its type, and something it touched."""
        identity = change.identity
        names = (_DELETION,) if change.new is None else (*change.touched, None)
        keys = product((identity.id, None), (identity.type, None), names)
        found = {one.stored.id: one for key in keys for one in self._entries.get(key, ())}
        return [found[id] for id in sorted(found)]

    def triggered(self, change: Change) -> list[CompiledSubscription]:
        """Subscriptions to notify of the change, in order of creation."""
        return [one for one in self.candidates(change) if one.triggered_by(change)]


def compile_subscription(stored: StoredSubscription) -> CompiledSubscription:
    """Make a stored subscription ready. Raises InvalidRequest if it cannot be."""
    (path,) = parse_read_scope(stored.path)
    return CompiledSubscription(stored, compile_subject(stored.document.subject), path)


def compile_subject(subject: Subject) -> CompiledSubject:
    """Compile patterns and filters. Raises InvalidRequest with the text for the client."""
    _check_extent(subject)
    condition = subject.condition.expression
    return CompiledSubject(
        tuple(map(_compile_selector, subject.entities)),
        tuple(_compile_expression(condition)) if condition else (),
    )


def _check_extent(subject: Subject) -> None:
    """Refuse a subject that would take too much of the memory all subscriptions share."""
    if len(subject.entities) * max(1, len(subject.condition.attrs)) > MAX_COMBINATIONS:
        raise InvalidRequest(
            f"entities and condition attributes make more than {MAX_COMBINATIONS} combinations; "
            "use a pattern or several subscriptions"
        )
    expression = subject.condition.expression
    filters = f"{expression.q};{expression.mq}" if expression else ""
    patterns = {one.id_pattern for one in subject.entities} | {
        one.type_pattern for one in subject.entities
    }
    if len(patterns - {"", ANYTHING}) + filters.count("~=") > MAX_PATTERNS:
        raise InvalidRequest(
            f"entities and expression have more than {MAX_PATTERNS} patterns; "
            "use several subscriptions"
        )


def _compile_selector(selector: EntitySelector) -> Selector:
    return Selector(
        selector.id or None,
        _compile_pattern(selector.id_pattern, "idPattern"),
        selector.type or None,
        _compile_pattern(selector.type_pattern, "typePattern"),
    )


def _compile_pattern(source: str, field: str) -> Pattern | None:
    if source in ("", ANYTHING):
        return None
    try:
        return compile_pattern(source)
    except InvalidPattern as error:
        raise InvalidRequest(f"Invalid regex for entity {field}") from error


def _compile_expression(expression: Expression) -> Iterator[Condition]:
    if expression.q:
        yield parse_q(expression.q)
    if expression.mq:
        yield parse_mq(expression.mq)
    area = parse_geo_expression(expression.georel, expression.geometry, expression.coords)
    if area is not None:
        yield area


def _keys(subscription: CompiledSubscription) -> set[_Key]:
    """Where the index finds a subscription. Creations are found by the attributes they bring."""
    alterations = subscription.alterations
    names: set[str | None] = set()
    if alterations != {Alteration.DELETE}:
        names |= subscription.watched or {None}
    if Alteration.DELETE in alterations:
        names.add(_DELETION)
    selectors = {(one.id, one.type) for one in subscription.subject.selectors}
    return {(id, type, name) for (id, type), name in product(selectors, names)}
