"""RDF as the catalogue needs it: triples without blank nodes, in the order in which they were made.

The writers (`turtle`, `json_ld`, `rdf_xml`) give the same graph. What one of the three syntaxes
cannot hold is kept out here, so that they agree: characters that XML 1.0 has not become U+FFFD, and
those that no IRI may contain are percent-encoded.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "eli": "http://data.europa.eu/eli/ontology#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\\x7f-\x9f\ud800-\udfff\ufffe\uffff]')


class Iri(str):
    """An absolute IRI that every syntax can hold; make it with `iri`."""

    __slots__ = ()


class Literal(NamedTuple):
    """A text, with a language or a datatype (a name such as `xsd:date`) or neither."""

    text: str
    language: str = ""
    datatype: str = ""


Object = Iri | Literal


def iri(text: str) -> Iri:
    """The IRI that a text is, once the characters that no IRI has are percent-encoded."""
    return Iri(_NO_IRI.sub(lambda found: quote(found[0], errors="replace"), text))


def literal(text: str, language: str = "", datatype: str = "") -> Literal:
    """A literal of a text that every syntax can hold."""
    return Literal(_NO_XML.sub("\ufffd", text), language, datatype)


class Graph:
    """Triples by subject. Predicates and classes are names with a prefix, such as `dct:title`."""

    def __init__(self) -> None:
        self._nodes: dict[Iri, dict[tuple[str, Object], None]] = {}

    def add(self, subject: Iri, predicate: str, value: Object | None) -> None:
        """Add a triple, unless it is there or there is no value."""
        if value is not None:
            self._nodes.setdefault(subject, {})[predicate, value] = None

    def type(self, subject: Iri, *classes: str) -> Iri:
        """Say what a subject is; the subject."""
        for one in classes:
            self.add(subject, "rdf:type", Iri(expanded(one)))
        return subject

    def nodes(self) -> Iterator[tuple[Iri, list[tuple[str, Object]]]]:
        """Every subject with its predicates and values."""
        for subject, properties in self._nodes.items():
            yield subject, list(properties)


def expanded(name: str) -> str:
    """The IRI of a name with a prefix."""
    prefix, _, local = name.partition(":")
    return PREFIXES[prefix] + local


def shortened(address: str) -> str | None:
    """The name with a prefix of an IRI in one of our vocabularies, or None."""
    start = max(address.rfind("#"), address.rfind("/")) + 1
    prefix = _PREFIX_OF.get(address[:start])
    return f"{prefix}:{address[start:]}" if prefix and _LOCAL.fullmatch(address, start) else None


_PREFIX_OF = {start: prefix for prefix, start in PREFIXES.items()}
_LOCAL = re.compile("[A-Za-z][A-Za-z0-9]*")
