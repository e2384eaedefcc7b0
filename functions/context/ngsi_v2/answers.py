"""Answers: JSON bodies that fit through the gateway, counts, and entities as asked for."""

from collections.abc import Callable, Mapping, Sequence

from fastapi import Response

from city.document import Entity
from city.errors import TooLarge
from city.json import Json, dump
from context.ngsi_v2 import render
from context.ngsi_v2.facts import Facts
from context.ngsi_v2.negotiation import JSON
from context.ngsi_v2.render import Projection

MAX_ANSWER_BYTES = 6_000_000
"""A function may answer 6 MiB, measured on the body as a JSON string; the rest is for headers."""

_ALWAYS_FITS = MAX_ANSWER_BYTES // 6

_FORMS: dict[str, Callable[[Entity, Projection], Json]] = {
    "normalized": render.normalized,
    "keyValues": render.key_values,
    "values": render.values,
    "unique": render.unique,
}


def json_answer(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer. Raises TooLarge when the gateway would not pass it on."""
    body = dump(value)
    _check_size(body, value)
    return Response(body.encode(), status, headers, JSON)


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """204: done, and nothing to tell."""
    return Response(None, 204, headers)


def list_answer(items: Sequence[object], total: int | None) -> Response:
    """A page of a list, with the total in a header when the request asked to count."""
    headers = None if total is None else {"Fiware-Total-Count": str(total)}
    return json_answer(items, headers=headers)


def value_answer(text: str, media_type: str) -> Response:
    """A bare attribute value; text beyond ASCII names its encoding, which text/plain leaves open."""
    if media_type != JSON and not text.isascii():
        media_type += "; charset=utf-8"
    return Response(text.encode(), headers={"Content-Type": media_type})


def projection(facts: Facts) -> Projection:
    """Attributes and metadata to show; two old options stand for dates besides everything."""
    attrs = list(facts.parameters.names("attrs"))
    for date in ("dateCreated", "dateModified"):
        if date in facts.parameters.options:
            attrs = [*(attrs or [render.ALL]), date]
    return Projection(tuple(dict.fromkeys(attrs)), facts.parameters.names("metadata"))


def shown_entity(entity: Entity, facts: Facts, projection: Projection) -> Json:
    """An entity in the representation the request asks for."""
    return _FORMS[facts.parameters.format](entity, projection)


def _check_size(body: str, value: object) -> None:
    if len(body) < _ALWAYS_FITS:
        return
    size = len(dump(body).encode())
    if size <= MAX_ANSWER_BYTES:
        return
    advice = "ask for fewer attributes"
    if isinstance(value, list) and len(value) > 1:
        advice = f"ask for pages of limit {max(1, len(value) * MAX_ANSWER_BYTES // size)} or less"
    raise TooLarge(
        f"the answer has {size} bytes, at most {MAX_ANSWER_BYTES} can be sent - {advice}"
    )
