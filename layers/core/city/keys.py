"""DynamoDB keys: parts joined by a character that no part may contain, so joining is injective.

The separator is U+001F. NGSI identifiers, tenants and service paths exclude control characters,
and so do IRIs; a part that contains it anyway is refused here, whatever let it through.
"""

from city.errors import InvalidRequest

SEPARATOR = "\u001f"


def key(*parts: str) -> str:
    """Join parts into one key; two different part lists never give the same key."""
    for part in parts:
        if SEPARATOR in part:
            raise InvalidRequest("control characters are not allowed in identifiers")
    return SEPARATOR.join(parts)


def prefix(*parts: str) -> str:
    """The start of every key that begins with exactly these parts and has more after them."""
    return key(*parts, "")


def split(joined: str) -> list[str]:
    """The parts of a key, as `key` was given them."""
    return joined.split(SEPARATOR)
