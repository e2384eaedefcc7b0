"""Which form of an answer the client likes best (RFC 9110 §12.5.1)."""

from collections.abc import Sequence

MEDIA_TYPES = {
    "ttl": "text/turtle",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
    "xml": "application/rdf+xml",
    "n3": "text/n3",
    "html": "text/html",
}
"""Of the forms, by the end of a path that names one."""

MAX_RANGES = 50


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The offered media type with the highest quality; the first of those that are equally liked.

    A client that takes none of them gets the first as well: it knows better than an empty answer.
    """
    ranges = [_parsed(part) for part in accept.split(",")[:MAX_RANGES] if part.strip()]
    if not ranges:
        return offered[0]
    return max(offered, key=lambda media_type: _quality(media_type, ranges))


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality that the most specific range gives the media type."""
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        given = [quality for one, quality in ranges if one == name]
        if given:
            return max(given)
    return 0.0


def _parsed(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            return name, _number(parameter[2:])
    return name, 1.0


def _number(text: str) -> float:
    is_one = text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()
    return min(float(text), 1.0) if is_one else 0.0
