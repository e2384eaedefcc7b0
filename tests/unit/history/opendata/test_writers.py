"""Turtle, JSON-LD and RDF/XML: rdflib reads the same graph from all three, whatever is in it."""

from collections.abc import Callable
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import Graph as Read
from rdflib import Literal as ReadLiteral
from rdflib import URIRef
from rdflib.compare import isomorphic

from history.opendata import json_ld, rdf_xml, turtle
from history.opendata.graph import PREFIXES, Graph, expanded, iri, literal, shortened

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

FORMS: list[tuple[Callable[[Graph], str], str]] = [
    (turtle.write, "turtle"),
    (turtle.write, "n3"),
    (json_ld.write, "json-ld"),
    (rdf_xml.write, "xml"),
]
ANYTHING = st.text(st.characters(codec="utf-8"))
NASTY = st.sampled_from(
    ['"', "\\", "\n", "\r\n", "\t", "]]>", "</x>", "&amp;", "'''", '"""', "\x00"]
)
TEXTS = st.one_of(ANYTHING, NASTY, st.lists(st.one_of(ANYTHING, NASTY)).map("".join))
LANGUAGES = st.sampled_from(["", "en", "de-AT"])
ADDRESSES = TEXTS.map(lambda text: iri(f"http://city.example/{text}"))
PREDICATES = st.sampled_from(["dct:title", "dcat:keyword", "foaf:page", "hydra:next"])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    graph = Graph()
    for _ in range(draw(st.integers(1, 4))):
        subject, predicate = draw(ADDRESSES), draw(PREDICATES)
        graph.type(subject, draw(st.sampled_from(["dcat:Dataset", "foaf:Document"])))
        graph.add(subject, predicate, literal(draw(TEXTS), draw(LANGUAGES)))
        graph.add(subject, predicate, literal(draw(TEXTS), datatype="xsd:token"))
        graph.add(subject, predicate, draw(ADDRESSES))
    return graph


def read(text: str, form: str) -> Read:
    return Read().parse(data=text, format=form)


def expected(graph: Graph) -> Read:
    """The graph as it is meant, made without any syntax."""
    meant = Read()
    for subject, properties in graph.nodes():
        for name, value in properties:
            if isinstance(value, str):
                meant.add((URIRef(subject), URIRef(expanded(name)), URIRef(value)))
                continue
            datatype = URIRef(expanded(value.datatype)) if value.datatype else None
            one = ReadLiteral(
                value.text, lang=value.language or None, datatype=datatype, normalize=False
            )
            meant.add((URIRef(subject), URIRef(expanded(name)), one))
    return meant


@pytest.mark.parametrize(("write", "form"), FORMS)
@given(graph=graphs())
@settings(max_examples=60, deadline=None)
def test_every_form_is_read_as_the_graph_that_was_written(
    write: Callable[[Graph], str], form: str, graph: Graph
) -> None:
    assert isomorphic(read(write(graph), form), expected(graph))


@given(TEXTS)
def test_literals_keep_every_character_that_xml_has(text: str) -> None:
    kept = literal(text).text
    assert len(kept) == len(text)
    for before, after in zip(text, kept, strict=True):
        assert after in {before, "\ufffd"}
        if before.isprintable():
            assert after == before


def test_an_iri_is_percent_encoded_where_no_iri_has_the_character() -> None:
    assert iri('http://a/<b> "c"\\\x00é') == "http://a/%3Cb%3E%20%22c%22%5C%00é"


def test_a_triple_is_written_once() -> None:
    graph = Graph()
    node = graph.type(iri("http://a/"), "dcat:Dataset", "dcat:Dataset")
    graph.add(node, "dct:title", None)
    assert list(graph.nodes()) == [(node, [("rdf:type", iri(expanded("dcat:Dataset")))])]


@given(st.sampled_from(sorted(PREFIXES)), st.text(ascii_letters, min_size=1))
def test_names_are_shortened_as_they_were_expanded(prefix: str, local: str) -> None:
    assert shortened(expanded(f"{prefix}:{local}")) == f"{prefix}:{local}"


@pytest.mark.parametrize(
    "address", ["http://purl.org/dc/terms/", "http://purl.org/dc/terms/a/b", "http://a/b", "x:y"]
)
def test_other_addresses_are_not_shortened(address: str) -> None:
    assert shortened(address) is None
