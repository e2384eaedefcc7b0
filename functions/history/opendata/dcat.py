"""The catalogue and its datasets in DCAT-AP 3.0.1, as triples.

Concepts of controlled vocabularies are described where they are used (class and English name), so
that the ranges of DCAT-AP can be checked without fetching the vocabularies. Nothing is a blank
node: what a dataset has, has the dataset's IRI with a fragment.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from city.clock import iso
from history.opendata.dataset import FORMATS, Catalog, Dataset
from history.opendata.graph import Graph, Iri, Literal, expanded, iri, literal
from history.opendata.vocabularies import (
    ACCESS_RIGHTS,
    AVAILABILITY,
    DATA_THEMES,
    FILE_TYPES,
    FREQUENCIES,
    HVD_CATEGORIES,
    IANA,
    LANGUAGES,
    LICENCES,
    THEMES,
    Concept,
)
from history.store.datasets import Download, Release
from models.open_data.dataset import Area
from models.open_data.texts import DEFAULT_LANGUAGE, ContactPoint, Publisher

MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
"""Of the files, as IANA lists them."""
JSON = "application/json"

HISTORY_API = "/history/v2"
"""Where the API answers of which the catalogue tells."""
API_DESCRIPTION = "/history/openapi.json"


class Describer:
    """Writes catalogue and datasets into a graph; `city` is the address of the APIs."""

    def __init__(self, city: str, catalog: Catalog) -> None:
        self.graph = Graph()
        self.catalog = iri(f"{city}/catalog")
        self._city = city
        self._about = catalog
        self._service = iri(f"{city}/catalog#api")

    def dataset_iri(self, dataset: Dataset) -> Iri:
        """The IRI of a dataset."""
        return iri(f"{self._city}/dataset/{dataset.id}")

    def describe_catalog(self, datasets: Iterable[Dataset]) -> None:
        """Describe the catalogue with these of its datasets."""
        about, add = self._about, self.graph.add
        catalog = self.graph.type(self.catalog, "dcat:Catalog")
        self._texts(catalog, "dct:title", about.title)
        self._texts(catalog, "dct:description", about.description)
        add(catalog, "dct:publisher", self._publisher(catalog, about.publisher))
        add(
            catalog,
            "foaf:homepage",
            self._document(about.record.homepage or f"{self._city}/catalog"),
        )
        add(catalog, "dct:license", self._licence(about.record.licence))
        add(catalog, "dct:spatial", self._area(catalog, about.record.spatial))
        add(catalog, "dcat:themeTaxonomy", self._theme_scheme())
        for code in about.record.languages or tuple(about.title):
            add(catalog, "dct:language", self._language(code))
        listed = list(datasets)
        for dataset in listed:
            add(catalog, "dcat:dataset", self.describe(dataset))
        changed = max((about.changed, *(dataset.modified for dataset in listed)))
        add(catalog, "dct:modified", _moment(changed))
        if listed:
            add(catalog, "dcat:service", self._service)

    def describe(self, dataset: Dataset) -> Iri:
        """Describe a dataset, its distributions, and the service that serves it; its IRI."""
        node, record, add = self.dataset_iri(dataset), dataset.record, self.graph.add
        self.graph.type(node, "dcat:Dataset")
        self._texts(node, "dct:title", dataset.title)
        self._texts(node, "dct:description", dataset.description)
        add(node, "dct:identifier", literal(str(node)))
        self._keywords(node, dataset)
        self._themes(node, record.themes)
        add(
            node, "dct:publisher", self._publisher(node, record.publisher) or self._main_publisher()
        )
        add(node, "dcat:contactPoint", self._contact(node, dataset.contact_point))
        add(node, "dct:accrualPeriodicity", self._frequency(dataset.frequency))
        add(node, "dct:accessRights", self._access_rights(dataset.access_rights))
        add(node, "dct:spatial", self._area(node, dataset.spatial))
        add(node, "dct:temporal", self._period(node, dataset))
        add(node, "dcat:landingPage", self._document(record.landing_page or str(node)))
        add(node, "foaf:page", self._document(record.documentation))
        self._times(node, dataset)
        self._legal(node, dataset)
        self._editorial(node, dataset)
        self._distributions(node, dataset)
        self._serve(node, dataset)
        return node

    def describe_page(self, address: str, total: int, links: Mapping[str, str]) -> None:
        """Describe the page that this is: `links` are first, last, next and previous, if any."""
        page = self.graph.type(iri(address), "hydra:PagedCollection")
        self.graph.add(page, "hydra:totalItems", _number(total, "xsd:integer"))
        for relation, target in links.items():
            self.graph.add(page, f"hydra:{relation}", iri(target))
            # harvesters of data.europa.eu follow the name that Hydra had before
            self.graph.add(page, f"hydra:{relation}Page", iri(target))

    def _times(self, node: Iri, dataset: Dataset) -> None:
        issued = dataset.record.issued
        if issued:
            self.graph.add(node, "dct:issued", literal(issued, datatype="xsd:date"))
        elif dataset.issued is not None:
            self.graph.add(node, "dct:issued", _moment(dataset.issued))
        self.graph.add(node, "dct:modified", _moment(dataset.modified))

    def _legal(self, node: Iri, dataset: Dataset) -> None:
        """What makes a dataset one of high value, and other acts that ask for it."""
        if category := dataset.record.hvd_category:
            concept = self._concept(HVD_CATEGORIES[category])
            self.graph.add(node, "dcatap:hvdCategory", concept)
        for act in self._acts(dataset):
            self.graph.add(node, "dcatap:applicableLegislation", act)

    def _editorial(self, node: Iri, dataset: Dataset) -> None:
        record, add = dataset.record, self.graph.add
        for code in dataset.languages:
            add(node, "dct:language", self._language(code))
        for standard in record.conforms_to:
            add(node, "dct:conformsTo", self.graph.type(iri(standard), "dct:Standard"))
        if record.provenance:
            add(
                node,
                "dct:provenance",
                self._statement(node, "dct:ProvenanceStatement", record.provenance),
            )
        if record.version:
            add(node, "dcat:version", literal(record.version))
        self._texts(node, "adms:versionNotes", record.version_notes or {})

    def _distributions(self, node: Iri, dataset: Dataset) -> None:
        self.graph.add(node, "dcat:distribution", self._api(node, dataset))
        for release in reversed(dataset.releases):
            for form in FORMATS:
                file = self._file(node, dataset, release, form)
                self.graph.add(node, "dcat:distribution", file)

    def _api(self, node: Iri, dataset: Dataset) -> Iri:
        """The distribution that is the API."""
        api = self._distribution(iri(f"{node}#api"), dataset)
        add = self.graph.add
        add(api, "dct:title", literal("API", DEFAULT_LANGUAGE))
        add(api, "dct:description", literal(api_advice(dataset), DEFAULT_LANGUAGE))
        add(api, "dcat:accessURL", iri(api_address(self._city, dataset)))
        add(api, "dct:format", self._file_type("JSON"))
        add(api, "dcat:mediaType", self._media_type(JSON))
        add(api, "dcat:accessService", self._service)
        return api

    def _file(self, node: Iri, dataset: Dataset, release: Release, form: str) -> Iri:
        """The distribution that is a month's file."""
        file: Download = release.files[form]
        one = self._distribution(iri(f"{node}#{release.month}-{form}"), dataset)
        add, address = self.graph.add, iri(download_address(self._city, dataset, release, form))
        add(one, "dct:title", literal(f"{release.month} ({FILE_TYPES[form.upper()].name})", "en"))
        add(one, "dcat:accessURL", address)
        add(one, "dcat:downloadURL", address)
        add(one, "dct:format", self._file_type(form.upper()))
        add(one, "dcat:mediaType", self._media_type(MEDIA_TYPES[form]))
        add(one, "dcat:byteSize", _number(file.size, "xsd:nonNegativeInteger"))
        add(one, "spdx:checksum", self._checksum(one, file))
        add(one, "dct:modified", _moment(release.at))
        return one

    def _distribution(self, one: Iri, dataset: Dataset) -> Iri:
        """What all distributions of a dataset have."""
        self.graph.type(one, "dcat:Distribution")
        add = self.graph.add
        add(one, "dct:license", self._licence(dataset.licence))
        add(one, "dcatap:availability", self._concept(AVAILABILITY["STABLE"]))
        if dataset.record.rights:
            node = self.dataset_iri(dataset)
            statement = self._statement(node, "dct:RightsStatement", dataset.record.rights)
            add(one, "dct:rights", statement)
        for act in self._acts(dataset):
            add(one, "dcatap:applicableLegislation", act)
        return one

    def _serve(self, node: Iri, dataset: Dataset) -> None:
        """Describe the API as the service that serves the dataset."""
        service, add = self.graph.type(self._service, "dcat:DataService"), self.graph.add
        add(service, "dct:title", literal("History API", DEFAULT_LANGUAGE))
        add(service, "dct:description", literal(_ABOUT_API, DEFAULT_LANGUAGE))
        add(service, "dcat:endpointURL", iri(self._city + HISTORY_API))
        add(service, "dcat:endpointDescription", iri(self._city + API_DESCRIPTION))
        add(service, "dct:publisher", self._main_publisher())
        add(service, "dct:license", self._licence(self._about.record.licence))
        add(service, "dct:accessRights", self._access_rights("PUBLIC"))
        contact = self._about.record.contact_point
        own = self._contact(self.catalog, contact) if contact else None
        add(service, "dcat:contactPoint", own or self._contact(node, dataset.contact_point))
        add(service, "foaf:page", self._document(dataset.record.documentation))
        add(service, "dcat:servesDataset", node)
        self._themes(service, dataset.record.themes)
        self._legal(service, dataset)

    def _texts(self, node: Iri, predicate: str, texts: Mapping[str, str]) -> None:
        for language, text in texts.items():
            self.graph.add(node, predicate, literal(text, language))

    def _keywords(self, node: Iri, dataset: Dataset) -> None:
        for language, words in dataset.keywords.items():
            for word in words:
                self.graph.add(node, "dcat:keyword", literal(word, language))

    def _themes(self, node: Iri, codes: Iterable[str]) -> None:
        for code in codes:
            self.graph.add(node, "dcat:theme", self._concept(THEMES[code]))

    def _theme_scheme(self) -> Iri:
        scheme = self.graph.type(iri(DATA_THEMES), "skos:ConceptScheme")
        self.graph.add(scheme, "dct:title", literal("Data theme", "en"))
        return scheme

    def _acts(self, dataset: Dataset) -> list[Iri]:
        return [self.graph.type(iri(act), "eli:LegalResource") for act in dataset.legislation]

    def _main_publisher(self) -> Iri | None:
        return self._publisher(self.catalog, self._about.publisher)

    def _publisher(self, node: Iri, publisher: Publisher | None) -> Iri | None:
        if publisher is None:
            return None
        agent = self.graph.type(iri(f"{node}#publisher"), "foaf:Agent")
        self.graph.add(agent, "foaf:name", literal(publisher.name))
        self.graph.add(agent, "foaf:homepage", self._document(publisher.homepage))
        if publisher.email:
            self.graph.add(agent, "foaf:mbox", iri(f"mailto:{publisher.email}"))
        return agent

    def _contact(self, node: Iri, contact: ContactPoint | None) -> Iri | None:
        if contact is None:
            return None
        kind = self.graph.type(iri(f"{node}#contact"), "vcard:Organization", "vcard:Kind")
        self.graph.add(kind, "vcard:fn", literal(contact.name))
        if contact.email:
            self.graph.add(kind, "vcard:hasEmail", iri(f"mailto:{contact.email}"))
        if contact.url:
            self.graph.add(kind, "vcard:hasURL", iri(contact.url))
        if contact.telephone:
            number = "".join(c for c in contact.telephone if c in "+0123456789")
            self.graph.add(kind, "vcard:hasTelephone", iri(f"tel:{number}"))
        return kind

    def _area(self, node: Iri, area: Area | None) -> Iri | None:
        if area is None:
            return None
        place = self.graph.type(iri(area.place or f"{node}#area"), "dct:Location")
        if area.name:
            self.graph.add(place, "skos:prefLabel", literal(area.name))
        if area.west is not None:
            self.graph.add(place, "dcat:bbox", literal(_box(area), datatype="geo:wktLiteral"))
        return place

    def _period(self, node: Iri, dataset: Dataset) -> Iri | None:
        start, end = dataset.period
        if not start and not end:
            return None
        period = self.graph.type(iri(f"{node}#period"), "dct:PeriodOfTime")
        for predicate, day in (("dcat:startDate", start), ("dcat:endDate", end)):
            if day:
                self.graph.add(period, predicate, literal(day, datatype="xsd:date"))
        return period

    def _checksum(self, file: Iri, download: Download) -> Iri:
        checksum = self.graph.type(iri(f"{file}-checksum"), "spdx:Checksum")
        algorithm = Iri(expanded("spdx:checksumAlgorithm_sha256"))
        self.graph.add(checksum, "spdx:algorithm", algorithm)
        self.graph.add(
            checksum, "spdx:checksumValue", literal(download.sha256, datatype="xsd:hexBinary")
        )
        return checksum

    def _statement(self, node: Iri, kind: str, text: str) -> Iri:
        statement = self.graph.type(iri(f"{node}#{kind.removeprefix('dct:')}"), kind)
        self.graph.add(statement, "skos:prefLabel", literal(text))
        return statement

    def _document(self, address: str | None) -> Iri | None:
        return self.graph.type(iri(address), "foaf:Document") if address else None

    def _licence(self, code: str | None) -> Iri | None:
        if code is None:
            return None
        licence = LICENCES[code]
        return self._named(iri(licence.iri), licence.name, "dct:LicenseDocument")

    def _language(self, code: str) -> Iri:
        known = LANGUAGES.get(code.partition("-")[0])
        concept = known or Concept(f"http://lexvo.org/id/iso639-1/{code[:2]}", code)
        return self._concept(concept, "dct:LinguisticSystem")

    def _frequency(self, code: str) -> Iri:
        return self._concept(FREQUENCIES[code], "dct:Frequency")

    def _access_rights(self, code: str) -> Iri:
        return self._concept(ACCESS_RIGHTS[code], "dct:RightsStatement")

    def _file_type(self, code: str) -> Iri:
        return self._concept(FILE_TYPES[code], "dct:MediaTypeOrExtent")

    def _media_type(self, name: str) -> Iri:
        return self._named(iri(f"{IANA}/{name}"), name, "dct:MediaType", "dct:MediaTypeOrExtent")

    def _concept(self, concept: Concept, *classes: str) -> Iri:
        node = self._named(iri(concept.iri), concept.name, "skos:Concept", *classes)
        self.graph.add(node, "skos:inScheme", iri(concept.scheme))
        return node

    def _named(self, node: Iri, name: str, *classes: str) -> Iri:
        self.graph.type(node, *classes)
        self.graph.add(node, "skos:prefLabel", literal(name, "en"))
        return node


_ABOUT_API = (
    "The history of the city's data by the API of QuantumLeap, version 2. "
    "Data of a tenant are asked for with its name in the header Fiware-Service."
)


def api_address(city: str, dataset: Dataset) -> str:
    """Where the API answers with a dataset."""
    return f"{city}{HISTORY_API}/types/{quote(dataset.type, safe='')}"


def api_advice(dataset: Dataset) -> str:
    """How the API is asked for a dataset."""
    if not dataset.tenant:
        return "Values by time, entity and attribute, as JSON."
    return f"Values by time, entity and attribute, as JSON; with the header Fiware-Service: {dataset.tenant}."


def download_address(city: str, dataset: Dataset, release: Release, form: str) -> str:
    """Where the file of a month is downloaded."""
    return f"{city}/dataset/{dataset.id}/{release.month}.{form}"


def _moment(microseconds: int) -> Literal | None:
    return literal(iso(microseconds), datatype="xsd:dateTime") if microseconds else None


def _number(number: int, datatype: str) -> Literal:
    return literal(str(number), datatype=datatype)


def _box(area: Area) -> str:
    corners = (
        *((area.west, area.south), (area.east, area.south), (area.east, area.north)),
        *((area.west, area.north), (area.west, area.south)),
    )
    return f"POLYGON(({', '.join(f'{x} {y}' for x, y in corners)}))"
