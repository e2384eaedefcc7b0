"""What people say about the catalogue as a whole; everything is optional."""

from typing import Annotated

from pydantic import Field

from models.open_data.dataset import Area, LicenceCode
from models.open_data.texts import (
    MAX_LISTED,
    Address,
    ContactPoint,
    Language,
    Lines,
    Publisher,
    Record,
    Texts,
)


class CatalogRecord(Record):
    """The editorial record of the catalogue. Its publisher, licence, contact point and area are also
    those of every dataset that has no other."""

    title: Lines | None = None
    description: Texts | None = None
    publisher: Publisher | None = None
    homepage: Address | None = None
    licence: LicenceCode | None = None
    contact_point: ContactPoint | None = None
    spatial: Area | None = None
    languages: Annotated[tuple[Language, ...], Field(strict=False, max_length=MAX_LISTED)] = ()
