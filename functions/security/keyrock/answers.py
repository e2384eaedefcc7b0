"""Answers of Keyrock's interface: JSON bodies, and times and changes as its clients know them."""

from collections.abc import Mapping

from fastapi import Response

from city.json import Json, dump


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer, which nobody may keep: all of them are about identities."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(dump(body).encode(), status, kept, "application/json")


def no_content() -> Response:
    """204: done, and nothing to tell."""
    return Response(None, 204)


def values_updated(before: Mapping[str, Json], after: Mapping[str, Json]) -> Response:
    """What a change has changed: the members that differ, as they are now."""
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return answer({"values_updated": changed})
