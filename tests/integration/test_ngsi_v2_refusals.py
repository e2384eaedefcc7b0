"""What NGSI-v2 refuses, with the status, name and text clients know; nothing is ever changed."""

from typing import Any

import pytest

from tests.integration.api import Api

BAD, PARSE, UNPROCESSABLE, NOT_FOUND = "BadRequest", "ParseError", "Unprocessable", "NotFound"
NO_ENTITY = "The requested entity has not been found. Check type and id"
NO_ATTRIBUTE = "The entity does not have such an attribute"
NO_SUBSCRIPTION = "The requested subscription has not been found. Check id"
UNREADABLE = "Errors found in incoming JSON buffer"
SERVICE_NOT_FOUND = "Service not found. Check your URL as probably it is wrong."
INVALID_URI = "invalid character in URI"
INVALID_PARAM = "invalid character in URI parameter"
TWO_LOCATIONS = (
    "You cannot use more than one geo location attribute when creating an entity. "
    "Use ignoreType metadata if you want to add additional informative locations."
)
BAD_DATE = "date has invalid format in attribute value"

ROOM1 = "/v2/entities/Room1"
SUBSCRIPTION = "/v2/subscriptions/5fa9c0ffee5fa9c0ffee5fa9"


@pytest.fixture(scope="module")
def rooms(shared_api: Api) -> Api:
    shared_api.create("Room1", temperature=21, name="north")
    shared_api.create("Twin", "Room", temperature=1)
    shared_api.create("Twin", "Hall", temperature=2)
    return shared_api


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/v2/nothing"),
        ("GET", "/v1/queryContext"),
        ("POST", "/v2/entities/Room1/attrs/temperature/value/more"),
        ("GET", "/v2/entities/a/b"),
        ("GET", "/v2/entities/a%2Fb"),
        ("GET", "/v2/op"),
        ("GET", "/ngsi-ld/v1/entities"),
    ],
)
def test_unknown_url_is_400(rooms: Api, method: str, url: str) -> None:
    assert rooms.refused(method, url, json={})[0:2] == (400, BAD)


@pytest.mark.parametrize(
    ("url", "description"),
    [
        ("/", "The Orion Context Broker is a REST service, not a &#39;web page&#39;"),
        ("/nothing", SERVICE_NOT_FOUND),
        ("/v2/entities//attrs", "entity id length: 0, min length supported: 1"),
        ("/v2/entities//attrs/a", "entity id length: 0, min length supported: 1"),
        ("/v2/entities//", "entity id length: 0, min length supported: 1"),
        ("/v2/entities/Room1/attrs//", "attribute name length: 0, min length supported: 1"),
        ("/v2/entities/Room1/attrs//value", "attribute name length: 0, min length supported: 1"),
        ("/v2/types//", "entity type length: 0, min length supported: 1"),
        ("/v2/entities/a(b)", INVALID_URI),
        ("/v2/entities/a%3Cb", INVALID_URI),
        ("/v2/entities/a%20b", INVALID_URI),
        ("/v2/entities/caf%C3%A9", INVALID_URI),
        ("/v2/entities/a%3Fb", INVALID_URI),
        ("/v2/entities/a%23b", INVALID_URI),
        ("/v2/entities/a%26b", INVALID_URI),
        ("/v2/entities/Room1/attrs/a%20b", INVALID_URI),
        ("/v2/entities/Room1/attrs/a%20b/value", INVALID_URI),
        ("/v2/types/a;b", INVALID_URI),
        ("/v2/nothing;", INVALID_URI),
    ],
)
def test_url_that_names_nothing_is_400(rooms: Api, url: str, description: str) -> None:
    assert rooms.refused("GET", url) == (400, BAD, description)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("/v2", "GET"),
        ("/v2/entities", "POST, GET"),
        ("/v2/entities/Room1", "GET, DELETE"),
        ("/v2/entities/Room1/attrs", "GET, PATCH, POST, PUT"),
        ("/v2/entities/Room1/attrs/temperature", "GET, PUT, DELETE"),
        ("/v2/entities/Room1/attrs/temperature/value", "GET, PUT"),
        ("/v2/types", "GET"),
        ("/v2/types/Room", "GET"),
        ("/v2/subscriptions", "POST, GET"),
        (SUBSCRIPTION, "GET, DELETE, PATCH"),
        ("/v2/registrations", "POST, GET"),
        ("/v2/registrations/5fa9c0ffee5fa9c0ffee5fa9", "GET, DELETE"),
        ("/v2/op/update", "POST"),
        ("/v2/op/query", "POST"),
        ("/v2/op/notify", "POST"),
        ("/version", "GET"),
        ("/statistics", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_wrong_verb_is_405_with_the_right_ones(
    rooms: Api, method: str, url: str, allowed: str
) -> None:
    if method in allowed.split(", "):
        return
    body: dict[str, Any] = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
    with rooms.unchanged():
        answer = rooms(method, url, **body)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json() == {"error": "MethodNotAllowed", "description": "method not allowed"}


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ("limit=", "Empty right-hand-side for URI param /limit/"),
        ("limit", "Empty right-hand-side for URI param /limit/"),
        ("q=", "Empty right-hand-side for URI param /q/"),
        ("unknown=", "Empty right-hand-side for URI param /unknown/"),
        ("limit=x", "Bad pagination limit: /x/ [must be a positive integer number]"),
        ("limit=-1", "Bad pagination limit: /-1/ [must be a positive integer number]"),
        ("limit=1001", "Bad pagination limit: /1001/ [max: 1000]"),
        ("limit=" + "9" * 5000, "Bad pagination limit: /" + "9" * 5000 + "/ [max: 1000]"),
        ("offset=x", "Bad pagination offset: /x/ [must be a decimal number]"),
        ("offset=-1", "Bad pagination offset: /-1/ [must be a decimal number]"),
        ("options=x", "Invalid value for URI param /options/"),
        ("options=count,x", "Invalid value for URI param /options/"),
        ("options=keyValues,values", "Invalid value for URI param /options/"),
        ("options=values,unique", "Invalid value for URI param /options/"),
        ("id=a&idPattern=b", "Incompatible parameters: id, IdPattern"),
        ("type=a&typePattern=b", "Incompatible parameters: type, typePattern"),
        ("id=a(b", INVALID_PARAM),
        ("attrs=a;b", INVALID_PARAM),
        ("type=a%27", INVALID_PARAM),
        ("unknown=%3Cscript%3E", INVALID_PARAM),
        ("unkn(own=1", INVALID_PARAM),
        ("coords=1=2", INVALID_PARAM),
        ("orderBy=a,a", "duplicate orderBy token detected"),
        ("orderBy=a,b,!a", "duplicate orderBy token detected"),
        ("idPattern=(", "Invalid regex for entity idPattern"),
        ("typePattern=(", "Invalid regex for entity typePattern"),
        ("coords=1,2", "Invalid query: URI param /coords/ used without /geometry/"),
        ("geometry=point", "Invalid query: URI param /geometry/ used without /coords/"),
        ("georel=near", "Invalid query: URI param /georel/ used without /geometry/"),
        (
            "georel=near&geometry=point&coords=1,2",
            "Invalid query: georel /near/ without either minDistance nor maxDistance",
        ),
    ],
)
def test_bad_parameter_is_400(rooms: Api, query: str, description: str) -> None:
    assert rooms.refused("GET", f"/v2/entities?{query}") == (400, BAD, description)


@pytest.mark.parametrize("url", ["/v2/types", "/v2/subscriptions", "/v2/registrations", "/v2"])
def test_parameters_are_checked_on_every_route(rooms: Api, url: str) -> None:
    assert rooms.refused("GET", f"{url}?limit=1001") == (
        400,
        BAD,
        "Bad pagination limit: /1001/ [max: 1000]",
    )


@pytest.mark.parametrize(
    ("query", "description"),
    [
        ("q=;", "empty q"),
        ("q=a===3", "forbidden characters in String Filter"),
        ("q=a~=[", "error compiling filter regex: &#39;[&#39;"),
        ("q=a==1,b", "invalid JSON value type in list"),
        ("q=a>1..3", "ranges only valid for equal and not equal ops"),
        ("q=a>1,3", "lists only valid for equal and not equal ops"),
        ("mq=a", "no metadata in right-hand-side of q-item"),
        (
            "georel=coveredBy&geometry=point&coords=1,2",
            "Invalid query: point geometry cannot be used with coveredBy georel",
        ),
        (
            "georel=near;maxDistance:1&geometry=line&coords=1,2;3,4",
            "Invalid query: georel /near/ used with geometry different than point",
        ),
    ],
)
def test_bad_query_expression_is_400(rooms: Api, query: str, description: str) -> None:
    assert rooms.refused("GET", f"/v2/entities?{query}") == (400, BAD, description)


@pytest.mark.parametrize(
    ("headers", "description"),
    [
        (
            {"Fiware-Service": "a-b"},
            "bad character in tenant name - only underscore and alphanumeric characters are allowed",
        ),
        (
            {"Fiware-Service": "one,two"},
            "bad character in tenant name - only underscore and alphanumeric characters are allowed",
        ),
        (
            {"Fiware-Service": "x" * 51},
            "bad length - a tenant name can be max 50 characters long",
        ),
        (
            {"Fiware-ServicePath": "parks"},
            "Only /absolute/ Service Paths allowed [a service path must begin with /]",
        ),
        ({"Fiware-ServicePath": "/a//b"}, "empty component in ServicePath"),
        ({"Fiware-ServicePath": "//a"}, "empty component in ServicePath"),
        ({"Fiware-ServicePath": "/" + "a" * 51}, "component-name too long in ServicePath"),
        ({"Fiware-ServicePath": "/a" * 11}, "too many components in ServicePath"),
        (
            {"Fiware-ServicePath": "/a-b"},
            "a component of ServicePath contains an illegal character",
        ),
        (
            {"Fiware-ServicePath": "/a#"},
            "a component of ServicePath contains an illegal character",
        ),
        (
            {"Fiware-ServicePath": "/#/a"},
            "a component of ServicePath contains an illegal character",
        ),
        (
            {"Fiware-ServicePath": ",".join(["/a"] * 11)},
            "too many service paths - a maximum of ten service paths is allowed",
        ),
    ],
)
@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/v2/entities"), ("DELETE", ROOM1), ("GET", "/v2/subscriptions")],
)
def test_bad_tenant_or_path_is_400(
    rooms: Api, method: str, url: str, headers: dict[str, str], description: str
) -> None:
    escaped = description.replace("(", "&#40;").replace(")", "&#41;")
    assert rooms.refused(method, url, headers=headers) == (400, BAD, escaped)


@pytest.mark.parametrize(
    ("method", "url", "path", "description"),
    [
        ("POST", "/v2/entities", "/a,/b", "more than one service path in context update request"),
        ("PUT", ROOM1 + "/attrs", "/a,/b", "more than one service path in context update request"),
        ("POST", "/v2/entities", "/#", "Bad Character in Service-Path"),
        (
            "PATCH",
            ROOM1 + "/attrs",
            "/a,/b",
            "more than one servicepath in patch update request is not allowed",
        ),
        (
            "PATCH",
            ROOM1 + "/attrs",
            "/#",
            "servicepath with wildcard # is not allowed in patch update request",
        ),
        ("DELETE", ROOM1, "/a,/b", "more than one servicepath is not allowed in DELETE operation"),
        (
            "DELETE",
            ROOM1,
            "/a/#",
            "servicepath with wildcard # is not allowed in DELETE operation",
        ),
    ],
)
def test_write_needs_exactly_one_path(
    rooms: Api, method: str, url: str, path: str, description: str
) -> None:
    body: dict[str, Any] = {} if method == "DELETE" else {"json": {"a": {"value": 1}}}
    if url == "/v2/entities":
        body = {"json": {"id": "New"}}
    answer = rooms.refused(method, url, headers={"Fiware-ServicePath": path}, **body)
    assert answer == (400, BAD, description)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/v2/entities"),
        ("POST", ROOM1 + "/attrs"),
        ("PATCH", ROOM1 + "/attrs"),
        ("PUT", ROOM1 + "/attrs/temperature"),
        ("PUT", ROOM1 + "/attrs/temperature/value"),
        ("POST", "/v2/op/update"),
        ("POST", "/v2/op/query"),
        ("POST", "/v2/subscriptions"),
    ],
)
def test_missing_body_is_411(rooms: Api, method: str, url: str) -> None:
    assert rooms.refused(method, url, headers={"Content-Type": "application/json"}) == (
        411,
        "ContentLengthRequired",
        "Zero/No Content-Length in PUT/POST/PATCH request",
    )


@pytest.mark.parametrize(
    ("content_type", "description"),
    [
        (
            None,
            "Content-Type header not used, default application/octet-stream is not supported",
        ),
        ("application/xml", "not supported content type: application/xml"),
        ("text/plain", "not supported content type: text/plain"),
        ("application/ld+json", "not supported content type: application/ld+json"),
        ("text/html; charset=utf-8", "not supported content type: text/html"),
    ],
)
def test_other_media_type_is_415(rooms: Api, content_type: str | None, description: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = rooms.refused("POST", "/v2/entities", content=b'{"id":"New"}', headers=headers)
    assert answer == (415, "UnsupportedMediaType", description)


def test_body_above_the_limit_is_413(rooms: Api) -> None:
    body = b'{"id":"New","a":{"value":"' + b"x" * 1_048_576 + b'"}}'
    headers = {"Content-Type": "application/json"}
    assert rooms.refused("POST", "/v2/entities", content=body, headers=headers) == (
        413,
        "RequestEntityTooLarge",
        f"payload size: {len(body)}, max size supported: 1048576",
    )


@pytest.mark.parametrize(
    ("accept", "status", "error", "description"),
    [
        ("text/html", 406, "NotAcceptable", "no acceptable mime-type in accept header"),
        ("text/plain", 406, "NotAcceptable", "acceptable MIME types: application/json"),
        ("text/*;q=0.5", 406, "NotAcceptable", "acceptable MIME types: application/json"),
        ("", 400, BAD, "empty accept header"),
        ("application/json;level=1", 400, BAD, "q missing in accept header"),
        ("application/json;q", 400, BAD, "missing equal-sign after q in accept header"),
        ("application/json;q=", 400, BAD, "qvalue in accept header is missing"),
        ("application/json;q=x", 400, BAD, "qvalue in accept header is not a number"),
    ],
)
def test_answer_the_client_does_not_take_is_refused(
    rooms: Api, accept: str, status: int, error: str, description: str
) -> None:
    answer = rooms.refused("GET", "/v2/entities", headers={"Accept": accept})
    assert answer == (status, error, description)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_media_type_without_a_body_is_400(rooms: Api, method: str) -> None:
    answer = rooms.refused(method, ROOM1, headers={"Content-Type": "application/json"})
    assert answer[:2] == (400, BAD)
    assert answer[2].endswith("HTTP header Content-Type is thus forbidden")


@pytest.mark.parametrize("content", ["{", "[1,2", "{'id':'a'}", '{"id":"New"} x', "\x00", "NaN"])
@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/v2/entities"),
        ("PATCH", ROOM1 + "/attrs"),
        ("PUT", ROOM1 + "/attrs/temperature"),
        ("PUT", ROOM1 + "/attrs/temperature/value"),
        ("POST", "/v2/op/update"),
        ("POST", "/v2/op/query"),
        ("POST", "/v2/op/notify"),
        ("POST", "/v2/subscriptions"),
    ],
)
def test_body_that_is_no_json_is_a_parse_error(
    rooms: Api, method: str, url: str, content: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = rooms.refused(method, url, content=content, headers=headers)
    assert answer == (400, PARSE, UNREADABLE)


def nested(depth: int) -> Any:
    """Arrays within arrays."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


CREATIONS: list[tuple[Any, int, str, str]] = [
    ([], 400, PARSE, UNREADABLE),
    ({}, 400, BAD, "entity id length: 0, min length supported: 1"),
    ({"id": ""}, 400, BAD, "entity id length: 0, min length supported: 1"),
    ({"id": 1}, 400, BAD, "Invalid JSON type for entity id"),
    ({"id": "a b"}, 400, BAD, "Invalid characters in entity id"),
    ({"id": "a", "type": ""}, 400, BAD, "entity type length: 0, min length supported: 1"),
    ({"id": "a", "type": "a/b"}, 400, BAD, "Invalid characters in entity type"),
    ({"id": "a", "b": {"value": "x=1"}}, 400, BAD, "Invalid characters in attribute value"),
    ({"id": "a", "b": {"v": 1}}, 400, BAD, "unrecognized property for context attribute"),
    (
        {"id": "a", "b": {"type": "DateTime", "value": "soon"}},
        400,
        BAD,
        BAD_DATE,
    ),
    (
        {
            "id": "a",
            "b": {"type": "geo:point", "value": "1,2"},
            "c": {"type": "geo:point", "value": "1,2"},
        },
        413,
        "NoResourcesAvailable",
        TWO_LOCATIONS,
    ),
    ({"id": "Room1", "type": "Room"}, 422, UNPROCESSABLE, "Already Exists"),
    (
        {"id": "a", "b": {"value": nested(60)}},
        400,
        PARSE,
        "attribute or metadata value has overpassed maximum nesting limit: 50",
    ),
    (
        {"id": "a", "b": 1},
        400,
        BAD,
        "attribute must be a JSON object, unless keyValues option is used",
    ),
    ({"id": "a" * 257}, 400, BAD, "entity id length: 257, max length supported: 256"),
    ({"id": "a", "b c": {"value": 1}}, 400, BAD, "Invalid characters in attribute name"),
    ({"id": "a", "b": {"type": "x;"}}, 400, BAD, "Invalid characters in attribute type"),
    (
        {"id": "a", "b": {"value": 1, "metadata": {"c/": {"value": 1}}}},
        400,
        BAD,
        "Invalid characters in metadata name",
    ),
    (
        {"id": "a", "b": {"value": 1, "metadata": {"c": {"value": "x=1"}}}},
        400,
        BAD,
        "Invalid characters in metadata value",
    ),
    ({"id": "a", "dateExpires": {"type": "DateTime", "value": "never"}}, 400, BAD, BAD_DATE),
]


@pytest.mark.parametrize(("body", "status", "error", "description"), CREATIONS)
def test_entity_that_cannot_be_created_is_refused(
    rooms: Api, body: Any, status: int, error: str, description: str
) -> None:
    assert rooms.refused("POST", "/v2/entities", json=body) == (status, error, description)


VALUE = {"json": {"temperature": {"value": 1}}}
CHANGES: list[tuple[str, str, dict[str, Any], tuple[int, str, str]]] = [
    ("GET", "/v2/entities/Nope", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("GET", ROOM1 + "?type=Hall", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("GET", "/v2/entities/Nope/attrs", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("GET", "/v2/entities/Nope/attrs/a", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("GET", ROOM1 + "/attrs/nope", {}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    ("GET", ROOM1 + "/attrs/dateCreated", {}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    ("GET", ROOM1 + "/attrs/nope/value", {}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    ("DELETE", "/v2/entities/Nope", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("DELETE", ROOM1 + "/attrs/nope", {}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    ("DELETE", "/v2/entities/Nope/attrs/a", {}, (404, NOT_FOUND, NO_ENTITY)),
    ("POST", "/v2/entities/Nope/attrs", VALUE, (404, NOT_FOUND, NO_ENTITY)),
    ("PATCH", "/v2/entities/Nope/attrs", VALUE, (404, NOT_FOUND, NO_ENTITY)),
    ("PUT", "/v2/entities/Nope/attrs", VALUE, (404, NOT_FOUND, NO_ENTITY)),
    ("PUT", "/v2/entities/Nope/attrs/a", {"json": {"value": 1}}, (404, NOT_FOUND, NO_ENTITY)),
    ("PUT", ROOM1 + "/attrs/nope", {"json": {"value": 1}}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    ("PUT", ROOM1 + "/attrs/nope/value", {"json": {"a": 1}}, (404, NOT_FOUND, NO_ATTRIBUTE)),
    (
        "GET",
        "/v2/entities/Twin",
        {},
        (409, "TooManyResults", "More than one matching entity. Please refine your query"),
    ),
    (
        "PATCH",
        "/v2/entities/Twin/attrs",
        VALUE,
        (409, "TooManyResults", "More than one matching entity. Please refine your query"),
    ),
    (
        "DELETE",
        "/v2/entities/Twin",
        {},
        (409, "TooManyResults", "More than one matching entity. Please refine your query"),
    ),
    (
        "PATCH",
        ROOM1 + "/attrs",
        {"json": {"id": "x"}},
        (400, BAD, "entity id specified in payload"),
    ),
    (
        "PUT",
        ROOM1 + "/attrs",
        {"json": {"type": "x"}},
        (400, BAD, "entity type specified in payload"),
    ),
    ("POST", ROOM1 + "/attrs", {"json": {}}, (400, BAD, "empty payload")),
    (
        "PATCH",
        ROOM1 + "/attrs",
        {"json": {"nope": {"value": 1}}},
        (422, UNPROCESSABLE, "do not exist: Room1 - [ nope ]"),
    ),
    (
        "POST",
        ROOM1 + "/attrs?options=append",
        VALUE,
        (
            422,
            UNPROCESSABLE,
            "one or more of the attributes in the request already exist: Room1 - [ temperature ]",
        ),
    ),
    ("GET", "/v2/types/Nope", {}, (404, NOT_FOUND, "Entity type not found")),
    (
        "GET",
        "/v2/subscriptions/short",
        {},
        (400, BAD, "Invalid subscription ID: bad length - 24 chars expected"),
    ),
    ("GET", SUBSCRIPTION, {}, (404, NOT_FOUND, NO_SUBSCRIPTION)),
    ("DELETE", SUBSCRIPTION, {}, (404, NOT_FOUND, NO_SUBSCRIPTION)),
    ("PATCH", SUBSCRIPTION, {"json": {"status": "inactive"}}, (404, NOT_FOUND, NO_SUBSCRIPTION)),
    (
        "GET",
        "/v2/registrations/anything",
        {},
        (404, NOT_FOUND, "The requested registration has not been found. Check id"),
    ),
    (
        "POST",
        "/v2/registrations",
        {"json": {"dataProvided": {}, "provider": {}}},
        (
            501,
            "NotImplemented",
            "registrations and forwarding to context providers are not supported yet",
        ),
    ),
]


@pytest.mark.parametrize(("method", "url", "request_", "expected"), CHANGES)
def test_operation_that_cannot_be_done_changes_nothing(
    rooms: Api, method: str, url: str, request_: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert rooms.refused(method, url, **request_) == expected


BATCHES: list[tuple[str, Any, tuple[int, str, str]]] = [
    ("update", {}, (400, BAD, "empty payload")),
    ("update", {"actionType": "append", "entities": []}, (400, BAD, "empty entities vector")),
    (
        "update",
        {"entities": [{"id": "a"}]},
        (400, BAD, "Invalid JSON payload, mandatory field /actionType/ not found"),
    ),
    (
        "update",
        {"actionType": "append", "entities": [{}]},
        (400, BAD, "nor /id/ nor /idPattern/ present"),
    ),
    (
        "update",
        {"actionType": "update", "entities": [{"id": "Nope", "type": "T", "a": {"value": 1}}]},
        (404, NOT_FOUND, "do not exist: Nope/T - [entity itself]"),
    ),
    ("query", {}, (400, BAD, "empty payload")),
    ("query", {"foo": 1, "attrs": []}, (400, BAD, "Unrecognized field in JSON payload: /foo/")),
    ("query", {"foo": 1}, (400, BAD, "Invalid JSON payload, no relevant fields found")),
    ("query", {"metadata": ["*"]}, (400, BAD, "Invalid JSON payload, no relevant fields found")),
    ("query", [], (400, PARSE, UNREADABLE)),
    ("query", {"entities": {}}, (400, BAD, "not a JSON array")),
    ("query", {"entities": [1]}, (400, BAD, "entity is not a JSON object")),
    ("query", {"entities": [{"type": "a"}]}, (400, BAD, "nor /id/ nor /idPattern/ present")),
    (
        "query",
        {"entities": [{"id": "a", "idPattern": "b"}]},
        (400, BAD, "both /id/ and /idPattern/ present"),
    ),
    ("query", {"entities": [{"id": 1}]}, (400, BAD, "Invalid JSON type for entity id")),
    ("query", {"entities": [{"id": "a b"}]}, (400, BAD, "Invalid characters in entity id")),
    (
        "query",
        {"entities": [{"id": "a", "type": ""}]},
        (400, BAD, "entity type length: 0, min length supported: 1"),
    ),
    (
        "query",
        {"entities": [{"idPattern": "("}]},
        (400, BAD, "Invalid regex for entity idPattern"),
    ),
    (
        "query",
        {"entities": [{"id": "a", "b": {}}]},
        (400, BAD, "no attributes allowed in Entity in this payload"),
    ),
    ("query", {"attrs": "a"}, (400, BAD, "the field /attrs/ must be a JSON array")),
    ("query", {"attrs": [1]}, (400, BAD, "only JSON Strings allowed in attrs list")),
    ("query", {"expression": 1}, (400, BAD, "expression is not an object")),
    ("query", {"expression": {}}, (400, BAD, "expression is empty")),
    ("query", {"expression": {"q": ""}}, (400, BAD, "q is empty")),
    ("query", {"expression": {"mq": 1}}, (400, BAD, "mq is not a string")),
    (
        "query",
        {"expression": {"georel": "near"}},
        (
            400,
            BAD,
            "partial geo expression: geometry, georel and coords have to be provided together",
        ),
    ),
    (
        "notify",
        {"data": []},
        (400, BAD, "invalid JSON payload, mandatory field /subscriptionId/ not found"),
    ),
    (
        "notify",
        {"subscriptionId": "a", "data": {}},
        (400, BAD, "notification field /data/ must be a JSON array"),
    ),
]


@pytest.mark.parametrize(("operation", "body", "expected"), BATCHES)
def test_bad_batch_changes_nothing(
    rooms: Api, operation: str, body: Any, expected: tuple[int, str, str]
) -> None:
    assert rooms.refused("POST", f"/v2/op/{operation}", json=body) == expected


ANY_ROOM = {"entities": [{"idPattern": ".*"}]}
HTTP = {"http": {"url": "http://receiver.example/"}}
ATTRS_FORMATS = (
    "invalid attrsFormat, accepted values: "
    "normalized, simplifiedNormalized, keyValues, simplifiedkeyValues, values"
)
BAD_SUBSCRIPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"notification": HTTP}, "no subject for subscription specified"),
    ({"subject": {}, "notification": HTTP}, "no subject entities specified"),
    ({"subject": {"entities": []}, "notification": HTTP}, "subject entities is empty"),
    (
        {"subject": {"entities": [{"id": "a", "idPattern": "b"}]}, "notification": HTTP},
        "/entities/ vector item has both /id/ and /idPattern/",
    ),
    (
        {"subject": {"entities": [{"type": "a"}]}, "notification": HTTP},
        "/entities/ vector item does not have /id/ nor /idPattern/",
    ),
    ({"subject": ANY_ROOM | {"condition": {}}, "notification": HTTP}, "condition is empty"),
    (
        {"subject": ANY_ROOM | {"condition": {"expression": {"q": ""}}}, "notification": HTTP},
        "q is empty",
    ),
    (
        {"subject": {"entities": [{"idPattern": "("}]}, "notification": HTTP},
        "Invalid regex for entity idPattern",
    ),
    (
        {"subject": ANY_ROOM, "notification": {"http": {"url": "receiver"}}},
        "Invalid URL parsing notification url",
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP | {"attrsFormat": "xml"}},
        ATTRS_FORMATS,
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP, "status": "asleep"},
        "status is not valid: it has to be either active, inactive or oneshot",
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP | {"attrs": ["a"], "exceptAttrs": ["b"]}},
        "http notification has attrs and exceptAttrs",
    ),
    (
        {"subject": ANY_ROOM | {"condition": {"attrs": ["a", "a"]}}, "notification": HTTP},
        "duplicated item /a/ in array",
    ),
    (
        {
            "subject": ANY_ROOM | {"condition": {"alterationTypes": ["foo"]}},
            "notification": HTTP,
        },
        "unknown subscription alterationType: foo",
    ),
    (
        {
            "subject": ANY_ROOM,
            "notification": {"http": {"url": "http://r.example/", "timeout": -1}},
        },
        "timeout field must be an integer between 0 and 1800000",
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP | {"covered": True}},
        "covered true cannot be used if notification attributes list is empty",
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP, "description": "x" * 1025},
        "max description length exceeded",
    ),
    (
        {"subject": ANY_ROOM, "notification": HTTP, "expires": "soon"},
        "expires has an invalid format",
    ),
]


@pytest.mark.parametrize(("body", "description"), BAD_SUBSCRIPTIONS)
def test_bad_subscription_is_400(rooms: Api, body: dict[str, Any], description: str) -> None:
    assert rooms.refused("POST", "/v2/subscriptions", json=body) == (400, BAD, description)


def test_notification_in_key_values_is_refused(rooms: Api) -> None:
    body = {"subscriptionId": "a", "data": [{"id": "Room1", "temperature": 1}]}
    headers = {"Ngsiv2-AttrsFormat": "keyValues"}
    assert rooms.refused("POST", "/v2/op/notify", json=body, headers=headers) == (
        400,
        BAD,
        "attribute render format /keyValues/ not supported for notifications",
    )


def test_ids_times_types_is_bounded(rooms: Api) -> None:
    names = ",".join(map(str, range(101)))
    answer = rooms.refused("GET", f"/v2/entities?id={names}&type={names}")
    assert answer[:2] == (422, "NotSupportedQuery")


def test_description_quoting_a_request_carries_no_markup(rooms: Api) -> None:
    body = {"<b>(\"x\";'y'=1)</b>": 1, "attrs": []}
    _, _, description = rooms.refused("POST", "/v2/op/query", json=body)
    assert description == (
        "Unrecognized field in JSON payload: /&lt;b&gt;&#40;&quot;x&quot;&#59;"
        "&#39;y&#39;&#61;1&#41;&lt;/b&gt;/"
    )
