"""A dataset and the catalogue, as everybody may see them: the record, and what the history knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from city.tenancy import Tenant
from history.opendata.names import dataset_id, organisation_id
from history.opendata.vocabularies import HVD_LEGISLATION
from history.store.datasets import Publication, Release
from models.open_data.catalog import CatalogRecord
from models.open_data.dataset import Area, DatasetRecord
from models.open_data.texts import DEFAULT_LANGUAGE, ContactPoint, Publisher

FORMATS = ("csv", "parquet")
"""Formats of the files of a month."""

DEFAULT_TITLE = "Open data of the city"
DEFAULT_PUBLISHER = "City"


@dataclass(frozen=True)
class Catalog:
    """The catalogue of the city; `changed` (µs) is when its record was, 0 without one."""

    record: CatalogRecord
    changed: int = 0

    @property
    def title(self) -> Mapping[str, str]:
        """Its title by language."""
        return self.record.title or {DEFAULT_LANGUAGE: DEFAULT_TITLE}

    @property
    def description(self) -> Mapping[str, str]:
        """Its description by language."""
        return self.record.description or {
            DEFAULT_LANGUAGE: "What the city's sensors and services have told, for everybody to use."
        }

    @property
    def publisher(self) -> Publisher:
        """Who publishes it."""
        return self.record.publisher or Publisher(name=DEFAULT_PUBLISHER)


@dataclass(frozen=True)
class Dataset:
    """The history of an entity type, as far as the public sees it.

    `changed` (µs) is when its record was, 0 without one; `publication` has the files for the public,
    None when none were made yet of what the public sees now.
    """

    tenant: Tenant
    type: str
    record: DatasetRecord
    catalog: Catalog
    changed: int = 0
    publication: Publication | None = None

    @cached_property
    def id(self) -> str:
        """Its stable id."""
        return dataset_id(self.tenant, self.type)

    @property
    def organisation(self) -> str:
        """The organisation it belongs to: its tenant."""
        return organisation_id(self.tenant)

    @property
    def title(self) -> Mapping[str, str]:
        """Its title by language."""
        if self.record.title:
            return self.record.title
        place = f" ({self.tenant})" if self.tenant else ""
        return {DEFAULT_LANGUAGE: f"{self.type}{place}"}

    @property
    def description(self) -> Mapping[str, str]:
        """Its description by language."""
        return self.record.description or {
            DEFAULT_LANGUAGE: f"Everything that entities of the type {self.type} have told over time."
        }

    @property
    def keywords(self) -> Mapping[str, tuple[str, ...]]:
        """Its keywords by language: those of the record, or the type."""
        if self.record.keywords is not None:
            return self.record.keywords
        return {DEFAULT_LANGUAGE: (self.type,)}

    @property
    def licence(self) -> str | None:
        """The code of its licence."""
        return self.record.licence or self.catalog.record.licence

    @property
    def publisher(self) -> Publisher:
        """Who publishes it."""
        return self.record.publisher or self.catalog.publisher

    @property
    def contact_point(self) -> ContactPoint | None:
        """Whom to ask."""
        return self.record.contact_point or self.catalog.record.contact_point

    @property
    def spatial(self) -> Area | None:
        """Where it is from."""
        return self.record.spatial or self.catalog.record.spatial

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its values, if somebody said."""
        return self.record.languages or self.catalog.record.languages

    @property
    def access_rights(self) -> str:
        """The code of its access rights: public, unless its record says otherwise."""
        return self.record.access_rights or "PUBLIC"

    @property
    def frequency(self) -> str:
        """The code of how often it is updated."""
        return self.record.accrual_periodicity or "UPDATE_CONT"

    @property
    def legislation(self) -> tuple[str, ...]:
        """The legal acts that ask for it; of a high-value dataset always the regulation."""
        regulation = (HVD_LEGISLATION,) if self.record.hvd_category else ()
        return tuple(dict.fromkeys((*regulation, *self.record.applicable_legislation)))

    @cached_property
    def releases(self) -> list[Release]:
        """The months that can be downloaded, oldest first."""
        months = self.publication.months if self.publication else {}
        return [release for release in months.values() if release.files]

    @property
    def modified(self) -> int:
        """When it changed last, in µs: its record, the catalogue's, or what can be downloaded."""
        times = [self.changed, self.catalog.changed]
        if self.publication:
            times += [self.publication.at, *(r.at for r in self.publication.months.values())]
        return max(times)

    @property
    def issued(self) -> int | None:
        """When it was published first, in µs, as far as that is known."""
        return self.publication.issued if self.publication else None

    @property
    def period(self) -> tuple[str | None, str | None]:
        """The first and the last day (YYYY-MM-DD) that it covers: as its record says, or from the
        first month that can be downloaded, without an end."""
        told = self.record.temporal
        if told is not None:
            return told.start, told.end
        return (f"{self.releases[0].month}-01", None) if self.releases else (None, None)
