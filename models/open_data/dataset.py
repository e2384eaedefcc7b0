"""What people say about a dataset; everything is optional, and what the history knows is not here.

    {
      "title": {"en": "Air quality", "es": "Calidad del aire"},
      "description": {"en": "Hourly values of all stations."},
      "keywords": {"en": ["air", "NO2"]},
      "themes": ["ENVI"],
      "licence": "CC_BY_4_0",
      "contactPoint": {"name": "Environment office", "email": "air@city.example"}
    }

Codes are those of the EU's lists (`functions/history/opendata/vocabularies.py` has which).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.open_data.texts import (
    MAX_LISTED,
    Address,
    ContactPoint,
    Day,
    Language,
    Line,
    Lines,
    Publisher,
    Record,
    Text,
    Texts,
    fault,
)

Theme = Literal[
    "AGRI",
    "ECON",
    "EDUC",
    "ENER",
    "ENVI",
    "GOVE",
    "HEAL",
    "INTR",
    "JUST",
    "REGI",
    "SOCI",
    "TECH",
    "TRAN",
]
LicenceCode = Literal["CC0", "CC_BY_4_0", "CC_BYSA_4_0", "ODC_PDDL", "ODC_BY", "ODC_BL"]
Frequency = Literal[
    "UPDATE_CONT",
    "CONT",
    "1MIN",
    "5MIN",
    "10MIN",
    "15MIN",
    "30MIN",
    "HOURLY",
    "BIHOURLY",
    "TRIHOURLY",
    "12HRS",
    "DAILY_2",
    "DAILY",
    "WEEKLY_2",
    "WEEKLY",
    "BIWEEKLY",
    "MONTHLY",
    "QUARTERLY",
    "ANNUAL_2",
    "ANNUAL",
    "IRREG",
    "UNKNOWN",
]
AccessRight = Literal["PUBLIC", "RESTRICTED", "NON_PUBLIC"]
HighValueCategory = Literal[
    "GEOSPATIAL",
    "EARTH_OBSERVATION_AND_ENVIRONMENT",
    "METEOROLOGICAL",
    "STATISTICS",
    "COMPANIES",
    "MOBILITY",
]


class Area(Record):
    """Where the data are from: a place with an address in a gazetteer, a box of degrees, or both."""

    place: Address | None = None
    name: Line | None = None
    west: Annotated[float, Field(ge=-180, le=180, strict=False)] | None = None
    south: Annotated[float, Field(ge=-90, le=90, strict=False)] | None = None
    east: Annotated[float, Field(ge=-180, le=180, strict=False)] | None = None
    north: Annotated[float, Field(ge=-90, le=90, strict=False)] | None = None

    @model_validator(mode="after")
    def _check_box(self) -> Self:
        corners = [self.west, self.south, self.east, self.north]
        if None in corners and corners != [None] * 4:
            raise fault("must have all of west, south, east and north, or none")
        if self.south is not None and self.north is not None and self.south > self.north:
            raise fault("must have its south below its north")
        if self.place is None and self.west is None:
            raise fault("must have a place, or a box from west to north")
        return self


class Period(Record):
    """When the data are from, if not what the files say: first and last day."""

    start: Day | None = None
    end: Day | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start and self.end and self.start > self.end:
            raise fault("must start before it ends")
        return self


Keywords = Annotated[
    dict[Language, Annotated[tuple[Line, ...], Field(strict=False, max_length=MAX_LISTED)]],
    Field(max_length=MAX_LISTED),
]


class DatasetRecord(Record):
    """The editorial record of a dataset."""

    title: Lines | None = None
    description: Texts | None = None
    keywords: Keywords | None = None
    themes: Annotated[tuple[Theme, ...], Field(strict=False, max_length=13)] = ()
    licence: LicenceCode | None = None
    publisher: Publisher | None = None
    contact_point: ContactPoint | None = None
    accrual_periodicity: Frequency | None = None
    access_rights: AccessRight | None = None
    spatial: Area | None = None
    temporal: Period | None = None
    languages: Annotated[tuple[Language, ...], Field(strict=False, max_length=MAX_LISTED)] = ()
    hvd_category: HighValueCategory | None = None
    applicable_legislation: Annotated[
        tuple[Address, ...], Field(strict=False, max_length=MAX_LISTED)
    ] = ()
    documentation: Address | None = None
    landing_page: Address | None = None
    conforms_to: Annotated[tuple[Address, ...], Field(strict=False, max_length=MAX_LISTED)] = ()
    rights: Text | None = None
    provenance: Text | None = None
    version: Line | None = None
    version_notes: Texts | None = None
    issued: Day | None = None
