"""Texts and addresses of editorial records, and what is wrong with those that are refused."""

import re
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

MAX_LINE = 300
MAX_TEXT = 10_000
MAX_ADDRESS = 2000
MAX_LISTED = 100
DEFAULT_LANGUAGE = "en"

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_BREAKS = re.compile("[\t\n\r]")
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_ADDRESS = re.compile(r'[^\x00-\x20<>"{}|^`\\\x7f-\x9f\ud800-\udfff\ufffe\uffff]+')
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KINDS = {
    "dict_type": "must be an object",
    "extra_forbidden": "is not a member of this record",
    "float_type": "must be a number",
    "list_type": "must be an array",
    "missing": "is missing",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "string_type": "must be a text",
    "tuple_type": "must be an array",
}


def fault(text: str) -> PydanticCustomError:
    """A refusal of a member; the text follows the member's path."""
    return PydanticCustomError("open-data", "{text}", {"text": text})


def explain(error: ValidationError) -> str:
    """What the first fault of a record is, e.g. "contactPoint.email must be …"."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the record"
    kind = first["type"]
    if kind == "open-data":
        return f"{place} {first['msg']}"
    sentence = first["msg"].replace("Input should be", "must be")
    return f"{place} {_KINDS.get(kind) or sentence}"


def _text(text: str) -> str:
    if _CONTROL.search(text) or not text.strip():
        raise fault("must have visible characters and no control characters")
    return text


def _line(text: str) -> str:
    if _BREAKS.search(text):
        raise fault("must be one line")
    return _text(text)


def _language(code: str) -> str:
    if not _LANGUAGE.fullmatch(code):
        raise fault("must be a language such as en or de-AT")
    return code


def _address(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or not _ADDRESS.fullmatch(address):
        raise fault("must be an absolute http or https address")
    return address


def _mail(address: str) -> str:
    if not _MAIL.fullmatch(address):
        raise fault("must be a mail address")
    return address


def _phone(number: str) -> str:
    if not _PHONE.fullmatch(number):
        raise fault("must be a telephone number")
    return number


def _date(text: str) -> str:

    try:
        is_date = _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        is_date = False
    if not is_date:
        raise fault("must be a date, YYYY-MM-DD")
    return text


Line = Annotated[str, Field(max_length=MAX_LINE), AfterValidator(_line)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_text)]
Address = Annotated[str, Field(max_length=MAX_ADDRESS), AfterValidator(_address)]
Mail = Annotated[str, Field(max_length=MAX_LINE), AfterValidator(_mail)]
Phone = Annotated[str, AfterValidator(_phone)]
Day = Annotated[str, AfterValidator(_date)]
Language = Annotated[str, AfterValidator(_language)]

Lines = Annotated[dict[Language, Line], Field(min_length=1, max_length=MAX_LISTED)]
"""One line in each language."""
Texts = Annotated[dict[Language, Text], Field(min_length=1, max_length=MAX_LISTED)]
"""One text in each language."""


class Record(BaseModel):
    """A part of an editorial record: strict types, camelCase names, unknown members refused."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Publisher(Record):
    """Who makes the data available."""

    name: Line
    homepage: Address | None = None
    email: Mail | None = None


class ContactPoint(Record):
    """Whom to ask about a dataset; a name and a way to reach it."""

    name: Line
    email: Mail | None = None
    url: Address | None = None
    telephone: Phone | None = None
