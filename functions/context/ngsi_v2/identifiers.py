"""What may name an entity, an attribute or metadata ("Identifiers syntax restrictions").

An identifier is 1 to 256 printable ASCII characters without whitespace, none of `& ? / #`, and
none of the characters forbidden in every text of a request ("General syntax restrictions").
"""

import re

from city.errors import InvalidRequest

MAX_LENGTH = 256

_NOT_IN_TEXT = re.compile(r"[<>\"'=;()]")
_NOT_IN_IDENTIFIER = re.compile(r"[^!-~]|[<>\"'=;()&?/#]")


def check_identifier(text: str, what: str) -> None:
    """Refuse a bad identifier; `what` names it in the message: "entity id", "attribute type"…"""
    if not text:
        raise InvalidRequest(f"{what} length: 0, min length supported: 1")
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"{what} length: {len(text)}, max length supported: {MAX_LENGTH}")
    if _NOT_IN_IDENTIFIER.search(text):
        raise InvalidRequest(f"Invalid characters in {what}")


def check_in_url(text: str) -> None:
    """Refuse an id or attribute name in a request path that no stored one can equal."""
    if _NOT_IN_IDENTIFIER.search(text):
        raise InvalidRequest("invalid character in URI")


def has_forbidden_characters(text: str) -> bool:
    """Whether a text has characters that only unrestricted attribute values may have."""
    return _NOT_IN_TEXT.search(text) is not None
