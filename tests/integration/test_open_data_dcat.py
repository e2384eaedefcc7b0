"""The catalogue in DCAT-AP 3.0.1: what it says, that its three forms are one graph, and its shapes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyshacl
import pytest
from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.compare import isomorphic

from tests.accounts import grant
from tests.integration.open_data import PARK, PLAIN, SEEN, OpenCity, open_city

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")

ROOT = Path(__file__).parents[2]
SHAPES = Path(os.environ.get("DCAT_AP_SHAPES") or ROOT / "../shared/specs/dcat-ap-3.0.1")
"""Where the shapes of DCAT-AP 3.0.1 are, which are no part of this project."""

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
CITY = Namespace("https://city.example/")
NOISE = CITY["dataset/noise-level"]
CATALOG = CITY["catalog"]

FORMS = {"ttl": "turtle", "n3": "n3", "jsonld": "json-ld", "rdf": "xml", "xml": "xml"}

FULL = {
    "title": {"en": "Street noise", "es": "Ruido"},
    "description": {"en": 'Decibels & "more" <in the old town>.\nSecond line.'},
    "keywords": {"en": ["noise", "decibel"], "es": ["ruido"]},
    "themes": ["ENVI", "TRAN"],
    "licence": "CC_BY_4_0",
    "publisher": {
        "name": "Noise office",
        "homepage": "https://noise.example/",
        "email": "office@noise.example",
    },
    "contactPoint": {
        "name": "Desk",
        "email": "noise@city.example",
        "url": "https://noise.example/contact",
        "telephone": "+34 942 000 000",
    },
    "accrualPeriodicity": "15MIN",
    "accessRights": "PUBLIC",
    "spatial": {
        "place": "http://www.geonames.org/3109718/",
        "name": "Santander",
        "west": -3.9,
        "south": 43.4,
        "east": -3.7,
        "north": 43.5,
    },
    "temporal": {"start": "2026-01-01", "end": "2026-12-31"},
    "languages": ["es", "en"],
    "hvdCategory": "EARTH_OBSERVATION_AND_ENVIRONMENT",
    "applicableLegislation": ["http://data.europa.eu/eli/dir/2002/49/oj"],
    "documentation": "https://noise.example/docs?a=1&b=2",
    "landingPage": "https://noise.example/data",
    "conformsTo": ["https://www.iso.org/standard/59765.html"],
    "rights": "Free for all.",
    "provenance": "Measured by class 1 sound level meters.",
    "version": "1.2",
    "versionNotes": {"en": "New sensors."},
    "issued": "2026-01-15",
}
CATALOGUE = {
    "title": {"en": "Open data of Santander"},
    "description": {"en": "All of it."},
    "publisher": {"name": "Ayuntamiento", "homepage": "https://santander.example/"},
    "homepage": "https://datos.example/",
    "licence": "CC0",
    "contactPoint": {"name": "Open data office", "email": "open@city.example"},
    "spatial": {"west": -3.9, "south": 43.4, "east": -3.7, "north": 43.5},
    "languages": ["es"],
}


@pytest.fixture(scope="module")
def city() -> Iterator[OpenCity]:
    """A dataset with all that can be said, one with nothing, and one of another tenant."""
    with open_city() as city:
        city.publish(grant("read"))
        city.record("NoiseLevel", "2026-08-10T10:00:00")
        city.record("NoiseLevel", "2026-09-30T23:59:59")
        city.record("Weather", "2026-11-22T10:00:00")
        city.record("urn:x:Bench é", "2026-10-22T10:00:00", tenant=PARK)
        key = city.key()
        for url, record in (("datasets/NoiseLevel", FULL), ("catalog", CATALOGUE)):
            answer = city("PUT", f"/history/v1/{url}", by=key, json=record)
            assert answer.status_code == 201, answer.text
        for tenant in (PLAIN, PARK):
            city.refresh(tenant)
        yield city


@pytest.fixture(scope="module")
def plain_city() -> Iterator[OpenCity]:
    """A city that nobody has said anything about."""
    with open_city() as city:
        city.publish(grant("read"))
        city.record("Weather", "2026-09-22T10:00:00")
        yield city


def read(city: OpenCity, url: str, form: str = "ttl") -> Graph:
    answer = city.get(f"{url}.{form}")
    assert answer.status_code == 200, answer.text
    return Graph().parse(data=answer.content, format=FORMS[form])


def violations(graph: Graph, *files: str) -> list[str]:
    shapes = Graph()
    for file in files:
        shapes.parse(SHAPES / file, format="turtle")
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes, advanced=False)
    assert isinstance(report, Graph)
    shacl = Namespace("http://www.w3.org/ns/shacl#")
    results = set(report.objects(None, shacl.result))
    return [
        str(report.value(one, shacl.resultMessage))
        for one in report.subjects(shacl.resultSeverity, shacl.Violation)
        if one in results
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("url", ["/catalog", "/dataset/noise-level", "/dataset/weather"])
def test_the_forms_are_one_graph(city: OpenCity, url: str, form: str) -> None:
    graph = read(city, url, form)
    pages = set(graph.subjects(RDF.type, HYDRA.PagedCollection))
    about = Graph()
    for triple in graph:
        if triple[0] not in pages:
            about.add(triple)
    reference = Graph()
    for triple in read(city, url, "ttl"):
        if "page=" not in str(triple[0]):
            reference.add(triple)
    assert isomorphic(about, reference)
    assert len(reference) > 20


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of DCAT-AP are not here")
@pytest.mark.parametrize("url", ["/catalog", "/dataset/noise-level", "/dataset/weather"])
def test_shapes_and_ranges_of_dcat_ap_hold(city: OpenCity, url: str) -> None:
    graph = read(city, url)
    assert violations(graph, "shapes.ttl") == []
    assert violations(graph, "range.ttl") == []


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of DCAT-AP are not here")
def test_controlled_vocabularies_are_those_of_the_eu(city: OpenCity) -> None:
    graph = read(city, "/catalog")
    # these shapes want its IRI to begin with https, which that of no algorithm does
    graph.remove((None, SPDX.algorithm, None))
    assert violations(graph, "mdr-vocabularies.shape.ttl") == []


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of DCAT-AP are not here")
def test_shapes_and_ranges_hold_without_any_record(plain_city: OpenCity) -> None:
    graph = read(plain_city, "/catalog")
    assert violations(graph, "shapes.ttl", "range.ttl") == []


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of DCAT-AP are not here")
def test_the_shapes_find_what_is_missing(city: OpenCity) -> None:
    graph = read(city, "/catalog")
    graph.remove((CATALOG, DCTERMS.title, None))
    graph.remove((NOISE, DCTERMS.description, None))
    assert len(violations(graph, "shapes.ttl")) == 2


@pytest.mark.parametrize("fixture", ["city", "plain_city"])
def test_what_is_mandatory_is_there(fixture: str, request: pytest.FixtureRequest) -> None:
    graph = read(request.getfixturevalue(fixture), "/catalog")
    mandatory = {
        DCAT.Catalog: (DCTERMS.title, DCTERMS.description, DCTERMS.publisher),
        DCAT.Dataset: (DCTERMS.title, DCTERMS.description),
        DCAT.Distribution: (DCAT.accessURL,),
        DCAT.DataService: (DCTERMS.title, DCAT.endpointURL),
        FOAF.Agent: (FOAF.name,),
        SKOS.Concept: (SKOS.prefLabel,),
        SPDX.Checksum: (SPDX.algorithm, SPDX.checksumValue),
    }
    for kind, properties in mandatory.items():
        for node in graph.subjects(RDF.type, kind):
            for one in properties:
                assert list(graph.objects(node, one)), (node, one)
    assert list(graph.subjects(RDF.type, DCAT.Dataset))


def test_nothing_is_a_blank_node_or_dangles(city: OpenCity) -> None:
    graph = read(city, "/catalog")
    described = set(graph.subjects())
    assert all(isinstance(node, URIRef) for node in described)
    outside = {DCAT.accessURL, DCAT.downloadURL, DCAT.endpointURL, DCAT.endpointDescription}
    outside |= {
        SKOS.inScheme,
        SPDX.algorithm,
        VCARD.hasEmail,
        VCARD.hasURL,
        VCARD.hasTelephone,
        FOAF.mbox,
    }
    for _, predicate, value in graph:
        if isinstance(value, URIRef) and predicate not in outside | {RDF.type}:
            assert value in described or str(predicate).startswith(HYDRA), (predicate, value)


def test_what_an_editor_said_is_in_the_dataset(city: OpenCity) -> None:
    graph = read(city, "/dataset/noise-level")
    titles = set(graph.objects(NOISE, DCTERMS.title))
    assert titles == {Literal("Street noise", lang="en"), Literal("Ruido", lang="es")}
    description = graph.value(NOISE, DCTERMS.description)
    assert str(description) == 'Decibels & "more" <in the old town>.\nSecond line.'
    assert len(list(graph.objects(NOISE, DCAT.keyword))) == 3
    assert graph.value(NOISE, DCTERMS.issued) == Literal("2026-01-15", datatype=XSD.date)
    contact = graph.value(NOISE, DCAT.contactPoint)
    assert graph.value(contact, VCARD.hasTelephone) == URIRef("tel:+34942000000")
    category = URIRef("http://data.europa.eu/bna/c_dd313021")
    assert graph.value(NOISE, DCATAP.hvdCategory) == category
    laws = set(graph.objects(NOISE, DCATAP.applicableLegislation))
    assert URIRef("http://data.europa.eu/eli/reg_impl/2023/138/oj") in laws
    assert all((law, RDF.type, ELI.LegalResource) in graph for law in laws)
    service = CITY["catalog#api"]
    assert graph.value(service, DCATAP.hvdCategory) == category
    assert graph.value(service, FOAF.page) == URIRef("https://noise.example/docs?a=1&b=2")


def test_files_and_api_are_distributions(city: OpenCity) -> None:
    graph = read(city, "/dataset/noise-level")
    assert len(list(graph.objects(NOISE, DCAT.distribution))) == 5
    file = NOISE + "#2026-09-csv"
    assert graph.value(file, DCAT.downloadURL) == NOISE + "/2026-09.csv"
    assert int(str(graph.value(file, DCAT.byteSize))) > 0
    checksum = graph.value(file, SPDX.checksum)
    assert len(str(graph.value(checksum, SPDX.checksumValue))) == 64
    api = NOISE + "#api"
    assert graph.value(api, DCAT.accessService) == CITY["catalog#api"]
    assert (CITY["catalog#api"], DCAT.servesDataset, NOISE) in graph


def test_what_nobody_said_comes_from_the_catalogue(city: OpenCity) -> None:
    graph = read(city, "/dataset/weather")
    weather = CITY["dataset/weather"]
    assert graph.value(weather, DCTERMS.publisher) == CATALOG + "#publisher"
    assert graph.value(CATALOG + "#publisher", FOAF.name) == Literal("Ayuntamiento")
    api = graph.value(weather, DCAT.distribution)
    licence = URIRef("http://publications.europa.eu/resource/authority/licence/CC0")
    assert graph.value(api, DCTERMS.license) == licence


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/turtle"),
        ("*/*", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("application/rdf+xml;q=0.9, text/turtle;q=0.1", "application/rdf+xml"),
        ("text/n3", "text/n3"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("image/png", "text/turtle"),
        ("text/*;q=0.2, application/ld+json;q=x", "text/turtle"),
    ],
)
def test_the_form_is_what_the_client_likes_best(
    city: OpenCity, accept: str, media_type: str
) -> None:
    for url in ("/catalog", "/dataset/weather"):
        answer = city.get(url, headers={"Accept": accept})
        assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert answer.headers["vary"].startswith("Accept")


def test_other_forms_and_datasets_are_not_there(city: OpenCity) -> None:
    for url in ("/catalog.pdf", "/dataset/weather.pdf", "/dataset/none", "/dataset/none.ttl"):
        answer = city.get(url)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_pages_lead_to_each_other() -> None:
    with open_city() as city:
        city.publish(SEEN)
        for number in range(205):
            city.history.table.put({"pk": "types\u001f", "sk": f"T{number}", "k": "T"})
        found: set[str] = set()
        url, pages = "https://city.example/catalog.ttl?fq=organization%3Adefault-tenant", 0
        while url:
            graph = Graph().parse(data=city.get(url).content, format="turtle")
            [page] = graph.subjects(RDF.type, HYDRA.PagedCollection)
            assert int(str(graph.value(page, HYDRA.totalItems))) == 205
            found |= {str(one) for one in graph.subjects(RDF.type, DCAT.Dataset)}
            url, pages = str(graph.value(page, HYDRA.next) or ""), pages + 1
            assert str(graph.value(page, HYDRA.nextPage) or "") == url
            assert str(graph.value(page, HYDRA.last)).endswith("page=3")
        assert len(found) == 205
        assert pages == 3
        assert city.get("/catalog?page=4").status_code == 404
        assert city.get("/catalog?page=0").status_code == 400


def test_the_catalogue_is_searched(city: OpenCity) -> None:
    def found(query: str) -> set[str]:
        graph = Graph().parse(data=city.get(f"/catalog.ttl?{query}").content)
        return {str(one).rpartition("/")[2] for one in graph.subjects(RDF.type, DCAT.Dataset)}

    assert found("q=noise") == {"noise-level"}
    assert found("fq=organization:default-tenant&fq=-groups:envi") == {"weather"}
    assert found("modified_since=2026-11-22T12:00:00Z") >= {"noise-level"}
    assert found("modified_since=2026-11-23") == set()
    assert city.get("/catalog?fq=secret:x").status_code == 400
    assert city.get("/catalog?modified_since=x").status_code == 400


def test_the_public_address_is_in_every_iri() -> None:
    with open_city(public_url="https://data.santander.example/") as city:
        city.publish(grant("read"))
        city.record("Weather", "2026-11-22T10:00:00")
        text = city.get("/catalog.ttl").text
        assert "https://data.santander.example/dataset/weather" in text
        assert "city.example" not in text
