"""JSON as a type, and reading and writing it the same way everywhere."""

import json as _json
from typing import cast

from pydantic_core import from_json

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A JSON value. Integers keep their full precision; NaN and infinities never occur."""


def parse(text: str | bytes) -> Json:
    """Read one JSON value. Raises ValueError on bad syntax, NaN, infinities and trailing text."""
    return cast("Json", from_json(text, allow_inf_nan=False))


def dump(value: object) -> str:
    """Write compact JSON with the characters of `value` unescaped."""
    return _json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump_ascii(value: object) -> str:
    """Write compact JSON in ASCII, for carriers that refuse some characters (SQS: U+FFFF)."""
    return _json.dumps(value, separators=(",", ":"), allow_nan=False)
