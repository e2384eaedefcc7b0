"""A graph as Turtle 1.1, which is also Notation3."""

import re
from collections.abc import Iterator

from history.opendata.graph import PREFIXES, Graph, Iri, Literal, Object, shortened

_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f-\x9f\u2028\u2029\ufeff]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write(graph: Graph) -> str:
    """The text of a graph, its prefixes first."""
    return "".join(_lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    for prefix, start in PREFIXES.items():
        yield f"@prefix {prefix}: <{start}> .\n"
    for subject, properties in graph.nodes():
        yield f"\n<{subject}>"
        written = [f" {_predicate(name)} {_object(value)}" for name, value in properties]
        yield " ;\n   ".join(written)
        yield " .\n"


def _predicate(name: str) -> str:
    return "a" if name == "rdf:type" else name


def _object(value: Object) -> str:
    if isinstance(value, Iri):
        return shortened(value) or f"<{value}>"
    return _literal(value)


def _literal(value: Literal) -> str:
    quoted = f'"{_ESCAPED.sub(_escape, value.text)}"'
    if value.language:
        return f"{quoted}@{value.language}"
    return f"{quoted}^^{value.datatype}" if value.datatype else quoted


def _escape(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or f"\\u{ord(found[0]):04X}"
