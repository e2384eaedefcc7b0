"""A graph as JSON-LD 1.1: one object per subject, with a context of prefixes only."""

from city.json import Json, dump
from history.opendata.graph import PREFIXES, Graph, Iri, Object, shortened


def write(graph: Graph) -> str:
    """The text of a graph."""
    nodes: list[Json] = [_node(subject, properties) for subject, properties in graph.nodes()]
    return dump({"@context": dict(PREFIXES), "@graph": nodes})


def _node(subject: Iri, properties: list[tuple[str, Object]]) -> dict[str, Json]:
    types: list[Json] = []
    values: dict[str, list[Json]] = {}
    for name, value in properties:
        if name == "rdf:type":
            types.append(shortened(str(value)) or str(value))
        else:
            values.setdefault(name, []).append(_value(value))
    node: dict[str, Json] = {"@id": str(subject)}
    if types:
        node["@type"] = types
    return node | {name: one[0] if len(one) == 1 else [*one] for name, one in values.items()}


def _value(value: Object) -> Json:
    if isinstance(value, Iri):
        return {"@id": str(value)}
    written: dict[str, Json] = {"@value": value.text}
    if value.language:
        written["@language"] = value.language
    elif value.datatype:
        written["@type"] = value.datatype
    return written
