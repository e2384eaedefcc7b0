"""A graph as RDF/XML: one element per subject, named after its first class."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from history.opendata.graph import PREFIXES, Graph, Iri, Literal, Object, expanded, shortened

_REFERENCES = {"\r": "&#13;"}
_IN_ATTRIBUTES = _REFERENCES | {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"}
"""A reader would normalise these characters if they were not written as references."""


def write(graph: Graph) -> str:
    """The text of a graph."""
    return "".join(_lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    namespaces = " ".join(f'xmlns:{prefix}="{start}"' for prefix, start in PREFIXES.items())
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF {namespaces}>\n'
    for subject, properties in graph.nodes():
        element, rest = _element(properties)
        yield f'  <{element} rdf:about="{_attribute(subject)}">\n'
        for name, value in rest:
            yield f"    {_property(name, value)}\n"
        yield f"  </{element}>\n"
    yield "</rdf:RDF>\n"


def _element(properties: list[tuple[str, Object]]) -> tuple[str, list[tuple[str, Object]]]:
    """What the element of a subject is called, and the properties that this does not say."""
    for place, (name, value) in enumerate(properties):
        if name == "rdf:type" and (short := shortened(str(value))):
            return short, properties[:place] + properties[place + 1 :]
    return "rdf:Description", properties


def _property(name: str, value: Object) -> str:
    if isinstance(value, Iri):
        return f'<{name} rdf:resource="{_attribute(value)}"/>'
    return f"<{name}{_kind(value)}>{escape(value.text, _REFERENCES)}</{name}>"


def _kind(value: Literal) -> str:
    if value.language:
        return f' xml:lang="{_attribute(value.language)}"'
    return f' rdf:datatype="{_attribute(expanded(value.datatype))}"' if value.datatype else ""


def _attribute(text: str) -> str:
    return escape(text, _IN_ATTRIBUTES)
