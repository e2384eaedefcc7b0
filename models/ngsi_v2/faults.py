"""What all NGSI-v2 wire formats refuse, and the text a client is told.

Checks raise errors of the type "ngsi", whose message is the text. For the errors of pydantic
itself `explain` makes the text from the field's wire name and the kind of error.
"""

from pydantic import AfterValidator, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

MAX_ID_LENGTH = 256

_FORBIDDEN = frozenset("<>\"'=;()")
_FORBIDDEN_IN_ID = _FORBIDDEN | frozenset("?/#&")

_UNSUPPORTED = "unsupported"

_KINDS = {
    "string_type": "is not a string",
    "bool_type": "is not a bool",
    "int_type": "is not an int",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "model_attributes_type": "is not an object",
    "list_type": "is not an array",
    "missing": "is missing",
}


def fault(text: str) -> PydanticCustomError:
    """A refusal with exactly this text."""
    return PydanticCustomError("ngsi", "{text}", {"text": text})


def unsupported(text: str) -> PydanticCustomError:
    """A refusal of something that the standard has and this product does not offer."""
    return PydanticCustomError(_UNSUPPORTED, "{text}", {"text": text})


def is_unsupported(error: ValidationError) -> bool:
    """Whether the first fault of a document is that it asks for something not offered."""
    return error.errors(include_url=False, include_input=False)[0]["type"] == _UNSUPPORTED


def explain(error: ValidationError, texts: dict[tuple[str, str], str]) -> str:
    """The text for the first fault of a document.

    `texts` maps (place, kind) to the text where it is not "<last part of place> <what is wrong>";
    a place is the path of wire names with `*` for positions, e.g. `subject.entities.*.id`.
    """
    first = error.errors(include_url=False, include_context=False)[0]
    kind = first["type"]
    if kind == "literal_error" and not isinstance(first["input"], str):
        kind = "string_type"
    if kind in ("ngsi", _UNSUPPORTED):
        return first["msg"]
    place = ".".join("*" if isinstance(part, int) else part for part in first["loc"])
    name = texts.get((place, "name"), place.rpartition(".")[2])
    return texts.get((place, kind)) or f"{name} {_KINDS.get(kind, 'is not valid')}"


def is_forbidden(text: str, *, allowed: str = "") -> bool:
    """Whether a text has a character that NGSI-v2 forbids in general ("syntax restrictions")."""
    return not _FORBIDDEN.difference(allowed).isdisjoint(text)


def is_forbidden_in_id(text: str) -> bool:
    """Whether a text has a character that identifiers and names must not have."""
    return not _FORBIDDEN_IN_ID.isdisjoint(text) or any(not " " < c < "\x7f" for c in text)


def clean(where: str) -> AfterValidator:
    """Refuse the generally forbidden characters in the field `where`."""

    def check(text: str) -> str:
        if is_forbidden(text):
            raise fault(f"forbidden characters in {where}")
        return text

    return AfterValidator(check)


def names(field: str) -> BeforeValidator:
    """Check a list of attribute or metadata names."""

    def check(listed: object) -> object:
        if not isinstance(listed, list):
            raise fault(f"the field /{field}/ must be a JSON array")
        seen: set[str] = set()
        for name in listed:
            _check_name(field, name, seen)
            seen.add(name)
        return listed

    return BeforeValidator(check)


def _check_name(field: str, name: object, seen: set[str]) -> None:
    if not isinstance(name, str):
        raise fault(f"only JSON Strings allowed in string vector /{field}/")
    if name in seen:
        raise fault(f"duplicated item /{name}/ in array")
    if is_forbidden_in_id(name):
        raise fault("forbidden characters in attribute name")
    if not name:
        raise fault(f"empty string found in string vector /{field}/")
