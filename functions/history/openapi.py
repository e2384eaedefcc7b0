"""The OpenAPI description of the history API.

Routes read their requests themselves, so the framework knows paths and methods only. Loaded with
the first request for the description.
"""

import re
from typing import Any

from fastapi import FastAPI

from city.policy import Rules
from history.quantumleap import openapi as quantumleap

_CONVERTER = re.compile(r"(?<=\w):\w+(?=\})")
"""What a route says of a variable part and the description does not, as in `{type:path}`."""

_ERROR = {"description": "Refused; the body is that of the API the path belongs to"}


def describe(app: FastAPI, rules: Rules) -> dict[str, Any]:
    """The OpenAPI document of all described routes of the application."""
    document: dict[str, Any] = app.openapi()
    shown = {(method, _CONVERTER.sub("", path)): rule for (method, path), rule in rules.items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation.update(_described(method.upper(), path, shown))
    schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    document["components"] = {"securitySchemes": schemes}
    return document


def _described(method: str, path: str, rules: Rules) -> dict[str, Any]:
    rule = rules[method, path]
    known = quantumleap.described(method, path) or {"parameters": [], "responses": {}}
    names = re.findall(r"\{(\w+)\}", path)
    return known | {
        "parameters": [*map(_in_path, names), *known["parameters"]],
        "responses": (known["responses"] or {"200": {"description": "Done"}}) | {"4XX": _ERROR},
        "security": [{"token": [rule.scope]}] if rule.scope else [],
    }


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
