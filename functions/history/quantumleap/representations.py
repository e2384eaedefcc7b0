"""The bodies of QuantumLeap's answers, made of histories; the forms are those of its reporter.

Every operation has a `/value` form without what its path has said already.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from city.json import Json
from history.quantumleap.dialects import Dialect
from history.quantumleap.histories import History
from history.quantumleap.parameters import Parameters
from history.quantumleap.times import shown_bound, shown_time
from history.reading.queries import Instance


class Shown(NamedTuple):
    """What an answer is made of: how to call things, what was asked, and what was found."""

    dialect: Dialect
    parameters: Parameters
    histories: Sequence[History]

    @property
    def is_one_value(self) -> bool:
        """Whether each attribute has one aggregate, and the index no times of values."""
        return self.parameters.method is not None and self.parameters.period is None


Form = Callable[[Shown], Json]
"""Makes a body; there is at least one history."""


def entity(shown: Shown) -> Json:
    """`GET /v2/entities/{id}`."""
    history = shown.histories[0]
    return {**_named(shown.dialect, history), **_many(history)}


def entity_values(shown: Shown) -> Json:
    """`GET /v2/entities/{id}/value`."""
    return _many(shown.histories[0])


def entity_attribute(shown: Shown) -> Json:
    """`GET /v2/entities/{id}/attrs/{attribute}`."""
    history = shown.histories[0]
    name = _attribute(shown)
    return {**_named(shown.dialect, history), "attrName": name, **_one(history, name)}


def entity_attribute_values(shown: Shown) -> Json:
    """`GET /v2/entities/{id}/attrs/{attribute}/value`."""
    return _one(shown.histories[0], _attribute(shown))


def type(shown: Shown) -> Json:
    """`GET /v2/types/{type}`."""
    return {shown.dialect.type: shown.histories[0].type, "entities": _entities(shown)}


def type_values(shown: Shown) -> Json:
    """`GET /v2/types/{type}/value`."""
    return {"values": _entities(shown)}


def type_attribute(shown: Shown) -> Json:
    """`GET /v2/types/{type}/attrs/{attribute}`."""
    return {
        shown.dialect.type: shown.histories[0].type,
        "attrName": _attribute(shown),
        "entities": _ordered(shown),
    }


def type_attribute_values(shown: Shown) -> Json:
    """`GET /v2/types/{type}/attrs/{attribute}/value`."""
    return {"values": _ordered(shown)}


def attribute(shown: Shown) -> Json:
    """`GET /v2/attrs/{attribute}`."""
    name = _attribute(shown)
    return {"attrName": name, "types": _types(shown, name)}


def attribute_values(shown: Shown) -> Json:
    """`GET /v2/attrs/{attribute}/value`."""
    return {"values": _types(shown, _attribute(shown))}


def attributes(shown: Shown) -> Json:
    """`GET /v2/attrs`."""
    return {"attrs": _attributes(shown)}


def attributes_values(shown: Shown) -> Json:
    """`GET /v2/attrs/value`."""
    return {"values": _attributes(shown)}


def sighting(dialect: Dialect, type: str, id: str, ts: int) -> dict[str, Json]:
    """An entity in the list `GET /v2/entities`, with the time of its newest values."""
    return {dialect.id: id, "index": shown_time(ts), dialect.type: type}


def last_values(instances: Sequence[Instance]) -> dict[str, Json]:
    """An entity in the answer of `POST /v2/op/query`: newest values, and when the newest was."""
    newest = max(instance.ts for instance in instances)
    shown: dict[str, Json] = {
        "type": instances[0].series.type,
        "id": instances[0].series.id,
        "dateModified": {"value": shown_time(newest), "type": "DateTime"},
    }
    for one in sorted(instances, key=lambda one: (one.attribute, one.ts)):
        shown[one.attribute] = {"value": one.value, "type": one.attribute_type}
    return shown


def _attribute(shown: Shown) -> str:
    """The attribute that the path names."""
    return (shown.parameters.attributes or ("",))[0]


def _named(dialect: Dialect, history: History) -> dict[str, Json]:
    return {dialect.id: history.id, dialect.type: history.type}


def _one(history: History, name: str) -> dict[str, Json]:
    return {"index": [*history.index], "values": history.attributes[name]}


def _many(history: History) -> dict[str, Json]:
    values: list[Json] = [
        {"attrName": name, "values": values} for name, values in history.attributes.items()
    ]
    return {"index": [*history.index], "attributes": values}


def _bounds(shown: Shown) -> list[Json]:
    """The window as the index of aggregates over it."""
    start, end = shown.parameters.window.start, shown.parameters.window.end
    return [shown_bound(start), shown_bound(None if end is None else end - 1)]


def _entities(shown: Shown) -> list[Json]:
    """All attributes of entities."""
    return [
        {shown.dialect.id: history.id, **_many(history), **_window(shown)}
        for history in shown.histories
    ]


def _window(shown: Shown) -> dict[str, Json]:
    return {"index": _bounds(shown)} if shown.is_one_value else {}


def _ordered(shown: Shown) -> list[Json]:
    """One attribute of entities: those asked for by id in the order of the request."""
    parameters = shown.parameters
    ids = parameters.ids or ()
    order = {id: place for place, id in enumerate(ids)}
    index: dict[str, Json] = {}
    if shown.is_one_value and ids:
        index = {"index": [parameters.from_text or "", parameters.to_text or ""]}
    histories = sorted(shown.histories, key=lambda one: (order.get(one.id, len(ids)), one.id))
    name = _attribute(shown)
    return [{shown.dialect.id: one.id, **_one(one, name), **index} for one in histories]


def _types(shown: Shown, name: str) -> list[Json]:
    """One attribute of entities by type; types that do not have it are left out."""
    dialect, window = shown.dialect, _window(shown)
    types: list[Json] = []
    for type, histories in groupby(shown.histories, key=lambda one: one.type):
        entities: list[Json] = [
            {dialect.id: one.id, **_one(one, name), **window}
            for one in histories
            if name in one.attributes
        ]
        if entities:
            types.append({dialect.type: type, "entities": entities})
    return types


def _attributes(shown: Shown) -> list[Json]:
    names = sorted({name for history in shown.histories for name in history.attributes})
    return [{"attrName": name, "types": _types(shown, name)} for name in names]
