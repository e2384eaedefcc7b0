"""The OpenAPI description of the NGSI-v2 API.

Routes read their requests themselves, so the framework knows paths and methods only; parameters,
bodies and answers are described here. Loaded with the first request for the description.
"""

import re
from typing import Any

from fastapi import FastAPI

from context.ngsi_v2.access import RULES
from context.ngsi_v2.parameters import DEFAULT_LIMIT, MAX_LIMIT, OPTIONS

_ENTITY = {"id": "Room1", "type": "Room", "temperature": {"type": "Number", "value": 21.5}}
_ATTRIBUTES = {"temperature": {"type": "Number", "value": 21.5}}
_SUBSCRIPTION = {
    "subject": {"entities": [{"idPattern": ".*", "type": "Room"}], "condition": {"attrs": []}},
    "notification": {"http": {"url": "https://receiver.example/notify"}},
}

_BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v2/entities"): _ENTITY,
    ("POST", "/v2/entities/{entity_id}/attrs"): _ATTRIBUTES,
    ("PATCH", "/v2/entities/{entity_id}/attrs"): _ATTRIBUTES,
    ("PUT", "/v2/entities/{entity_id}/attrs"): _ATTRIBUTES,
    ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}"): _ATTRIBUTES["temperature"],
    ("PUT", "/v2/entities/{entity_id}/attrs/{attribute}/value"): {"north": 21.5, "south": 23},
    ("POST", "/v2/op/update"): {"actionType": "append", "entities": [_ENTITY]},
    ("POST", "/v2/op/query"): {"entities": [{"idPattern": ".*"}], "attrs": ["temperature"]},
    ("POST", "/v2/op/notify"): {"subscriptionId": "5fa9c0ffee5fa9c0ffee5fa9", "data": [_ENTITY]},
    ("POST", "/v2/subscriptions"): _SUBSCRIPTION,
    ("PATCH", "/v2/subscriptions/{subscription_id}"): {"status": "inactive"},
    ("POST", "/v2/registrations"): {},
}

_QUERIES: dict[str, str] = {
    "type": "Entity type; in lists several, separated by commas",
    "id": "Entity ids, separated by commas",
    "idPattern": "Regular expression that the id matches somewhere",
    "typePattern": "Regular expression that the type matches somewhere",
    "q": "Conditions on attributes, e.g. temperature>20;name=='north'",
    "mq": "Conditions on metadata, e.g. temperature.accuracy<1",
    "georel": "near;maxDistance:M, coveredBy, intersects, equals or disjoint",
    "geometry": "point, line, polygon or box",
    "coords": "Latitude,longitude pairs, separated by semicolons",
    "attrs": "Attributes to show, separated by commas; * stands for all of the user's",
    "metadata": "Metadata to show, separated by commas; * stands for all of the user's",
    "orderBy": "Attributes to order by, separated by commas, ! in front for descending",
    "limit": f"Size of the page, at most {MAX_LIMIT}; {DEFAULT_LIMIT} if absent",
    "offset": "Items to leave out before the page",
    "options": f"Separated by commas: {', '.join(sorted(OPTIONS))}",
}
_PAGE = ("limit", "offset", "options")
_SHOWN = ("type", "attrs", "metadata", "options")
_PARAMETERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", "/v2/entities"): tuple(_QUERIES),
    ("GET", "/v2/entities/{entity_id}"): _SHOWN,
    ("GET", "/v2/entities/{entity_id}/attrs"): _SHOWN,
    ("GET", "/v2/entities/{entity_id}/attrs/{attribute}"): ("type", "metadata", "options"),
    ("POST", "/v2/op/query"): ("orderBy", *_PAGE),
    ("GET", "/v2/types"): _PAGE,
    ("GET", "/v2/subscriptions"): _PAGE,
    ("GET", "/v2/registrations"): _PAGE,
}
_CHANGE = ("type", "options")

_HEADERS = {
    "Fiware-Service": "Tenant; letters, digits and underscores, folded to lower case",
    "Fiware-ServicePath": "Where in the tenant: reads take several and /#, writes exactly one",
    "Fiware-Correlator": "Echoed, and sent along with the notifications the request causes",
}
_STATUSES = {
    "POST": "201",
    "GET": "200",
    "PUT": "204",
    "PATCH": "204",
    "DELETE": "204",
}
_OTHER_STATUSES = {
    ("POST", "/v2/entities/{entity_id}/attrs"): "204",
    ("POST", "/v2/op/update"): "204",
    ("POST", "/v2/op/query"): "200",
    ("POST", "/v2/op/notify"): "200",
}
_ERROR = {
    "type": "object",
    "required": ["error", "description"],
    "properties": {"error": {"type": "string"}, "description": {"type": "string"}},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of all described routes of the application."""
    document: dict[str, Any] = app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation.update(_described(method.upper(), path))
    schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    document["components"] = {"securitySchemes": schemes, "schemas": {"Error": _ERROR}}
    return document


def _described(method: str, path: str) -> dict[str, Any]:
    rule = RULES[method, path]
    queries = _PARAMETERS.get((method, path), _CHANGE if path.startswith("/v2/entities/") else ())
    described: dict[str, Any] = {
        "parameters": [
            *(_parameter("path", name) for name in re.findall(r"\{(\w+)\}", path)),
            *(_parameter("query", name, _QUERIES[name]) for name in queries),
            *(_parameter("header", name, text) for name, text in _HEADERS.items()),
        ],
        "responses": {
            _OTHER_STATUSES.get((method, path), _STATUSES[method]): {"description": "Done"},
            "4XX": _json({"$ref": "#/components/schemas/Error"}, description="Refused"),
        },
        "security": [{"token": [rule.scope]}] if rule.scope else [],
    }
    if (method, path) in _BODIES:
        described["requestBody"] = _json({}, required=True)
        described["requestBody"]["content"]["application/json"]["example"] = _BODIES[method, path]
    return described


def _parameter(place: str, name: str, description: str = "") -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": place == "path"}
    return parameter | {"description": description, "schema": {"type": "string"}}


def _json(schema: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**members, "content": {"application/json": {"schema": schema}}}
