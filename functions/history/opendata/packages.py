"""Datasets, organisations, groups and tags as CKAN shows them.

What CKAN has no member for stands in `extras`, under the names that its DCAT plug-in reads.
"""

from collections.abc import Iterable, Mapping

from city.clock import iso
from city.json import Json, dump
from history.opendata import dcat
from history.opendata.dataset import FORMATS, Catalog, Dataset
from history.opendata.names import DEFAULT_ORGANISATION, uuid
from history.opendata.search import DATASET_TYPE, licence_id, tags_of
from history.opendata.vocabularies import (
    ACCESS_RIGHTS,
    FILE_TYPES,
    FREQUENCIES,
    HVD_CATEGORIES,
    LANGUAGES,
    LICENCES,
    THEMES,
)
from history.store.datasets import Release
from models.open_data.texts import DEFAULT_LANGUAGE

_DIGITS = -1
"""Where the Z of a time is, which CKAN leaves out."""


def package(city: str, dataset: Dataset) -> dict[str, Json]:
    """A dataset as `package_show` has it."""
    licence = LICENCES.get(dataset.licence or "")
    contact = dataset.contact_point
    resources = _resources(city, dataset)
    tags: list[Json] = [tag(name) for name in tags_of(dataset)]
    groups: list[Json] = [_group(code) for code in dataset.record.themes]
    return {
        "id": package_id(dataset),
        "name": dataset.id,
        "title": chosen(dataset.title),
        "notes": chosen(dataset.description),
        "type": DATASET_TYPE,
        "state": "active",
        "private": False,
        "isopen": licence is not None,
        "url": dataset.record.landing_page or f"{city}/dataset/{dataset.id}",
        "version": dataset.record.version,
        "author": dataset.publisher.name,
        "author_email": dataset.publisher.email,
        "maintainer": contact.name if contact else None,
        "maintainer_email": contact.email if contact else None,
        "license_id": licence_id(dataset),
        "license_title": licence.name if licence else "License not specified",
        "license_url": licence.text if licence else None,
        "metadata_created": _time(dataset.issued or dataset.modified),
        "metadata_modified": _time(dataset.modified),
        "creator_user_id": None,
        "owner_org": uuid("organization", dataset.organisation),
        "organization": organisation(dataset.organisation, dataset.catalog),
        "groups": groups,
        "num_tags": len(tags),
        "tags": tags,
        "num_resources": len(resources),
        "resources": resources,
        "extras": [{"key": key, "value": value} for key, value in _extras(city, dataset).items()],
        "relationships_as_object": [],
        "relationships_as_subject": [],
    }


def package_id(dataset: Dataset) -> str:
    """The UUID of a dataset."""
    return uuid("dataset", dataset.id)


def organisation(name: str, catalog: Catalog) -> dict[str, Json]:
    """An organisation, which is a tenant."""
    is_default = name == DEFAULT_ORGANISATION
    return {
        "id": uuid("organization", name),
        "name": name,
        "title": catalog.publisher.name if is_default else name,
        "type": "organization",
        "description": "",
        "image_url": "",
        "is_organization": True,
        "approval_status": "approved",
        "state": "active",
    }


def group(code: str) -> dict[str, Json]:
    """A group, which is a theme of the EU's list."""
    return {**_group(code), "type": "group", "is_organization": False, "state": "active"}


def tag(name: str) -> dict[str, Json]:
    """A keyword."""
    return {
        "id": uuid("tag", name),
        "name": name,
        "display_name": name,
        "state": "active",
        "vocabulary_id": None,
    }


def chosen(texts: Mapping[str, str]) -> str:
    """A text in English or, without that, in the first language there is."""
    return texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()))


def _group(code: str) -> dict[str, Json]:
    theme, name = THEMES[code.upper()], code.lower()
    return {
        "id": uuid("group", name),
        "name": name,
        "title": theme.name,
        "display_name": theme.name,
        "description": "",
        "image_display_url": "",
    }


def _resources(city: str, dataset: Dataset) -> list[Json]:
    files = [
        _file(city, dataset, release, form)
        for release in reversed(dataset.releases)
        for form in FORMATS
    ]
    api: dict[str, Json] = {
        "name": "API",
        "description": dcat.api_advice(dataset),
        "format": FILE_TYPES["JSON"].name,
        "mimetype": dcat.JSON,
        "url": dcat.api_address(city, dataset),
        "url_type": None,
        "access_services": dump(
            [{"title": "History API", "endpoint_url": [city + dcat.HISTORY_API]}]
        ),
        "size": None,
        "hash": "",
        "created": _time(dataset.issued or dataset.modified),
        "last_modified": None,
    }
    return [_placed(dataset, place, resource) for place, resource in enumerate((*files, api))]


def _file(city: str, dataset: Dataset, release: Release, form: str) -> dict[str, Json]:
    file, kind = release.files[form], FILE_TYPES[form.upper()]
    address = dcat.download_address(city, dataset, release, form)
    return {
        "name": f"{release.month} ({kind.name})",
        "description": "",
        "format": kind.name,
        "mimetype": dcat.MEDIA_TYPES[form],
        "url": address,
        "download_url": address,
        "url_type": None,
        "size": file.size,
        "hash": file.sha256,
        "hash_algorithm": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256",
        "created": _time(release.at),
        "last_modified": _time(release.at),
    }


def _placed(dataset: Dataset, place: int, resource: dict[str, Json]) -> dict[str, Json]:
    """A resource with what all resources have."""
    return resource | {
        "id": uuid("resource", dataset.id, str(resource["name"])),
        "package_id": package_id(dataset),
        "position": place,
        "state": "active",
        "resource_type": None,
        "license": LICENCES[dataset.licence].iri if dataset.licence else None,
        "rights": dataset.record.rights or "",
    }


def _extras(city: str, dataset: Dataset) -> dict[str, Json]:
    """The members of DCAT-AP as CKAN's plug-in for it names them; lists as JSON texts."""
    record, contact, publisher = dataset.record, dataset.contact_point, dataset.publisher
    start, end = dataset.period
    area = dataset.spatial
    given: dict[str, Json] = {
        "uri": f"{city}/dataset/{dataset.id}",
        "identifier": f"{city}/dataset/{dataset.id}",
        "issued": record.issued or (_time(dataset.issued) if dataset.issued else None),
        "modified": _time(dataset.modified),
        "publisher_name": publisher.name,
        "publisher_email": publisher.email,
        "publisher_url": publisher.homepage,
        "contact_name": contact.name if contact else None,
        "contact_email": contact.email if contact else None,
        "theme": _listed(THEMES[code].iri for code in record.themes),
        "language": _listed(LANGUAGES[c].iri for c in dataset.languages if c in LANGUAGES),
        "frequency": FREQUENCIES[dataset.frequency].iri,
        "access_rights": ACCESS_RIGHTS[dataset.access_rights].iri,
        "temporal_start": start,
        "temporal_end": end,
        "spatial_uri": area.place if area else None,
        "documentation": _listed([record.documentation] if record.documentation else []),
        "conforms_to": _listed(record.conforms_to),
        "provenance": record.provenance,
        "version_notes": chosen(record.version_notes) if record.version_notes else None,
        "hvd_category": _listed(
            [HVD_CATEGORIES[record.hvd_category].iri] if record.hvd_category else []
        ),
        "applicable_legislation": _listed(dataset.legislation),
        "title_translated": _translated(dataset.title),
        "notes_translated": _translated(dataset.description),
    }
    return {name: value for name, value in given.items() if value}


def _listed(values: Iterable[str]) -> str | None:
    listed = list(values)
    return dump(listed) if listed else None


def _translated(texts: Mapping[str, str]) -> str | None:
    return dump(dict(texts)) if len(texts) > 1 else None


def _time(moment: int) -> str:
    return iso(moment, "microseconds")[:_DIGITS]
