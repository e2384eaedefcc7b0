"""What the OpenAPI description says of QuantumLeap's operations besides their paths."""

from typing import Any

from history.quantumleap import parameters as known
from history.quantumleap.downloads import CSV
from history.quantumleap.mounting import PREFIXES
from history.quantumleap.parameters import MAX_LIMIT, METHODS, PERIODS, TASK_STATUSES

_NOTIFICATION = {
    "subscriptionId": "5fa9c0ffee5fa9c0ffee5fa9",
    "data": [{"id": "Room1", "type": "Room", "temperature": {"type": "Number", "value": 21.5}}],
}
_BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v2/notify"): _NOTIFICATION,
    ("POST", "/v2/op/query"): {
        "entities": [{"type": "Room", "id": "Room1"}],
        "attrs": ["temperature"],
    },
}

_QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "type": ("Entity types, separated by commas", {}),
    "id": ("Entity ids, separated by commas", {}),
    "idPattern": ("Regular expression for the beginning of the id, in any case", {}),
    "attrs": ("Attributes, separated by commas", {}),
    "aggrMethod": ("What to make of the values", {"enum": [*METHODS]}),
    "aggrPeriod": ("Aggregate by calendar period, in UTC", {"enum": [*PERIODS]}),
    "aggrScope": ("By entity; across entities is not offered", {"enum": ["entity"]}),
    "options": ("Not offered", {}),
    "fromDate": ("From this time on, ISO 8601; UTC unless it has a zone", {}),
    "toDate": ("Until this time, inclusive", {}),
    "lastN": ("The newest so many rows of the whole answer", {"type": "integer", "minimum": 1}),
    "limit": (
        f"At most so many rows; more than {MAX_LIMIT} means {MAX_LIMIT}",
        {"type": "integer", "minimum": 1, "default": MAX_LIMIT},
    ),
    "offset": ("Rows to leave out before", {"type": "integer", "minimum": 0}),
    "georel": ("near;maxDistance:M, coveredBy, intersects or disjoint", {}),
    "geometry": ("Of the reference", {"enum": ["point", "line", "polygon", "box"]}),
    "coords": ("Latitude,longitude pairs of the reference, separated by semicolons", {}),
    "dropTable": ("Delete all there is of the type, whatever the dates", {"type": "boolean"}),
    "taskStatus": ("Of the tasks", {"enum": [*TASK_STATUSES]}),
}
_PARAMETERS: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/v2/entities"): known.ENTITIES,
    ("GET", "/v2/entities/{entity_id}"): known.ENTITY,
    ("GET", "/v2/entities/{entity_id}/attrs/{attribute}"): known.ENTITY_ATTRIBUTE,
    ("GET", "/v2/types/{entity_type}"): known.TYPE,
    ("GET", "/v2/types/{entity_type}/attrs/{attribute}"): known.TYPE_ATTRIBUTE,
    ("GET", "/v2/attrs"): known.ATTRIBUTES,
    ("GET", "/v2/attrs/{attribute}"): known.ATTRIBUTE,
    ("DELETE", "/v2/entities/{entity_id}"): known.DELETE_ENTITY,
    ("DELETE", "/v2/types/{entity_type}"): known.DELETE_TYPE,
    ("GET", "/management/queue/notifications"): known.TASKS,
    ("GET", "/management/queue/notifications/count"): known.TASKS,
}
_HEADERS = {
    "Fiware-Service": "Tenant; letters, digits and underscores, folded to lower case",
    "Fiware-ServicePath": "Where in the tenant, and all below; a notification may give one a entity",
}
_TIME_INDEX = {"Fiware-TimeIndex-Attribute": "The attribute or metadata with the time"}


def described(method: str, path: str) -> dict[str, Any] | None:
    """Parameters, body and statuses of an operation; None if it is none of QuantumLeap's."""
    path = next((path.removeprefix(one) for one in PREFIXES if one and path.startswith(one)), path)
    if not path.startswith(("/v2", "/management", "/version", "/health")):
        return None
    queries = _PARAMETERS.get((method, path.removesuffix("/value")), frozenset())
    headers = _HEADERS if path.startswith("/v2/") else {}
    if path == "/v2/notify":
        headers = headers | _TIME_INDEX
    operation: dict[str, Any] = {
        "parameters": [
            *(_query(name) for name in _QUERIES if name in queries),
            *(_parameter("header", name, text, {}) for name, text in headers.items()),
        ],
        "responses": {"204" if method == "DELETE" else "200": _done(is_series="attrs" in queries)},
    }
    if (method, path) in _BODIES:
        content = {"application/json": {"schema": {}, "example": _BODIES[method, path]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _query(name: str) -> dict[str, Any]:
    text, schema = _QUERIES[name]
    return _parameter("query", name, text, schema)


def _parameter(place: str, name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": False, "description": text}
    return parameter | {"schema": {"type": "string"} | schema}


def _done(*, is_series: bool) -> dict[str, Any]:
    if not is_series:
        return {"description": "Done"}
    types = {"application/json": {"schema": {}}, CSV: {"schema": {"type": "string"}}}
    return {"description": "The history", "content": types}
