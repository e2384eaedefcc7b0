"""Whatever is sent, the answer is one that NGSI-v2 knows, and never an error of our own."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from context.ngsi_v2.access import RULES
from context.ngsi_v2.parameters import OPTIONS
from tests.integration.api import Api

STATUSES = {200, 201, 204, 400, 404, 405, 406, 409, 411, 413, 415, 422, 501}

NASTY = ["", "a b", "<x>", "é", "x" * 300, "id", "*", "geo:distance", "0", "\x00", "a.b", "$inc"]
TEXTS = st.sampled_from(
    ["Room1", "level", "name", "location", "dateExpires", "2020-01-01", "1,2"] * 8 + NASTY
)
PARTS = st.sampled_from(["Room1", "Room2", "Hall1", "level"] * 10 + NASTY[1:])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OPERATORS = st.dictionaries(
    st.sampled_from(["$inc", "$mul", "$min", "$max", "$push", "$addToSet", "$pull", "$pullAll",
                     "$set", "$unset", "$each"]),
    VALUES, min_size=1, max_size=2,
)  # fmt: skip
TYPES = st.sampled_from(
    ["Number", "Text", "DateTime", "geo:json", "geo:point", "geo:box", "geo:polygon", "a/b"]
)
METADATA = st.dictionaries(
    st.sampled_from(["ignoreType", "accuracy"]) | TEXTS,
    st.fixed_dictionaries({}, optional={"value": VALUES, "type": TYPES}),
    max_size=2,
)
GEOMETRIES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Point", "LineString", "Polygon", "MultiPoint", "Feature", "X"]),
        "coordinates": st.recursive(
            NUMBERS, lambda inner: st.lists(inner, max_size=5), max_leaves=10
        ),
    }
)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "value": NUMBERS | TEXTS | VALUES | OPERATORS | GEOMETRIES,
        "type": TYPES,
        "metadata": METADATA,
    },
)
ATTRIBUTE_MAPS = st.dictionaries(TEXTS, ATTRIBUTES, min_size=1, max_size=3)
ENTITIES = st.builds(
    lambda identity, attributes: attributes | identity,
    st.fixed_dictionaries({"id": PARTS, "type": st.sampled_from(["Room"] * 20 + NASTY)}),
    ATTRIBUTE_MAPS,
)
SELECTORS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "idPattern", "type", "typePattern"), TEXTS)
)
EXPRESSIONS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("q", "mq", "georel", "geometry", "coords"), TEXTS)
)
BATCHES = st.fixed_dictionaries(
    {
        "actionType": st.sampled_from(["append", "appendStrict", "update", "delete", "replace"]),
        "entities": st.lists(ENTITIES, max_size=3),
    }
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "entities": st.lists(SELECTORS, max_size=2),
        "attrs": st.lists(TEXTS, max_size=3),
        "expression": EXPRESSIONS,
        "metadata": st.lists(TEXTS, max_size=2),
    },
)
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "subject": st.fixed_dictionaries(
            {"entities": st.lists(SELECTORS, max_size=2)},
            optional={
                "condition": st.fixed_dictionaries(
                    {}, optional={"attrs": st.lists(TEXTS, max_size=2), "expression": EXPRESSIONS}
                )
            },
        ),
        "notification": st.fixed_dictionaries(
            {"http": st.fixed_dictionaries({"url": TEXTS | st.just("http://r.example/")})},
            optional={"attrs": VALUES, "attrsFormat": TEXTS},
        ),
    },
    optional={"expires": TEXTS, "throttling": VALUES, "status": TEXTS},
)
BODIES: dict[str, st.SearchStrategy[Any]] = {
    "/v2/entities": ENTITIES,
    "/v2/entities/{entity_id}/attrs": ATTRIBUTE_MAPS,
    "/v2/entities/{entity_id}/attrs/{attribute}": ATTRIBUTES,
    "/v2/entities/{entity_id}/attrs/{attribute}/value": VALUES | OPERATORS,
    "/v2/op/update": BATCHES,
    "/v2/op/query": QUERIES,
    "/v2/op/notify": st.fixed_dictionaries(
        {"subscriptionId": TEXTS, "data": st.lists(ENTITIES, max_size=2)}
    ),
    "/v2/subscriptions": SUBSCRIPTIONS,
    "/v2/subscriptions/{subscription_id}": SUBSCRIPTIONS,
}

Q_STATEMENTS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "!", "level", "level.x", "'a.b'", "dateCreated"]),
        st.sampled_from(["", "==", "!=", ">", "<=", "~=", ":", "==="]),
        st.sampled_from(["", "1", "1..3", "a,b", "'1'", "2020-01-01", "^a", "(", "null", "true"]),
    ),
)
PARAMETERS: dict[str, st.SearchStrategy[str]] = {
    "limit": st.sampled_from(["0", "1", "1000", "x", "-1"]),
    "offset": st.sampled_from(["0", "7", "9" * 40, "x"]),
    "options": st.lists(st.sampled_from(sorted(OPTIONS)), min_size=1, max_size=3).map(",".join),
    "q": st.lists(Q_STATEMENTS, max_size=3).map(";".join) | TEXTS,
    "mq": Q_STATEMENTS | TEXTS,
    "georel": st.sampled_from(["near;maxDistance:9", "near;minDistance:x", "coveredBy", "in"]),
    "geometry": st.sampled_from(["point", "line", "polygon", "box", "circle"]),
    "coords": st.sampled_from(["1,2", "1,2;3,4", "1,2;3,4;1,2", "91,0", "x", "1,2;3,4;5,0;1,2"]),
    "attrs": TEXTS,
    "metadata": TEXTS,
    "orderBy": TEXTS | st.sampled_from(["level,!name", "geo:distance", "!geo:distance"]),
    "type": TEXTS,
    "id": TEXTS,
    "idPattern": TEXTS | st.sampled_from(["(?=a)", "[", "a{99999}"]),
    "typePattern": TEXTS,
}
GEOGRAPHY = ("georel", "geometry", "coords")
QUERY_STRINGS: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.fixed_dictionaries({"options": PARAMETERS["options"]})
    | st.fixed_dictionaries({name: PARAMETERS[name] for name in GEOGRAPHY})
    | st.dictionaries(st.sampled_from(sorted(PARAMETERS)), st.none(), max_size=3).flatmap(
        lambda names: st.fixed_dictionaries({name: PARAMETERS[name] for name in names})
    )
)
HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Accept": st.sampled_from(["*/*", "text/plain", "application/json;q=0.5", "x", ""]),
    "Fiware-Service": st.sampled_from(["one", "a-b"]),
    "Fiware-ServicePath": st.sampled_from(["/", "/#", "/a/#", "/a,/b", "a", "/a//b", ","]),
    "Content-Type": st.sampled_from(["text/plain", "text/xml"]),
}
ROUTES = sorted(
    (method, route) for method, route in RULES if route not in {"/docs", "/openapi.json"}
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """A request to a route, with nonsense in any place of it, but seldom in all of them."""
    method, route = draw(st.sampled_from(ROUTES))
    url = route
    for part in ("entity_id", "attribute", "entity_type", "subscription_id", "registration_id"):
        url = url.replace("{" + part + "}", quote(draw(PARTS), safe=""))
    header = draw(st.sampled_from([None] * 30 + [*HEADERS]))
    headers = {header: draw(HEADERS[header])} if header else {}
    request: dict[str, Any] = {"headers": headers}
    if method in {"GET", "DELETE"}:
        headers.pop("Content-Type", None)
    else:
        headers.setdefault("Content-Type", "application/json")
        body = draw(st.sampled_from([BODIES.get(route, VALUES)] * 9 + [VALUES]))
        request["content"] = json.dumps(draw(body)).encode()
    return method, f"{url}?{urlencode(draw(QUERY_STRINGS))}", request


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request_=requests())
@example(("GET", "/v2/entities?" + "&" * 50, {}))
def test_nonsense_never_causes_an_error_of_our_own(
    shared_api: Api, request_: tuple[str, str, dict[str, Any]]
) -> None:
    method, url, request = request_
    answer = shared_api(method, url, **request)
    assert answer.status_code in STATUSES, answer.text
    if answer.status_code >= 400:
        body = answer.json()
        assert body.keys() == {"error", "description"}
        assert not set("<>\"'=()") & set(body["description"])
