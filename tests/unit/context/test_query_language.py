"""The Simple Query Language: what each statement finds, what is refused and with which words.

The properties at the end compare parser and evaluator with an oracle that never sees the text:
it evaluates the statement a test generated, straight from the NGSI-v2 specification.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.document import Attribute, Entity, Identity
from city.errors import InvalidPattern, InvalidRequest
from city.json import Json
from city.tenancy import ServicePath, Tenant
from context.ngsi_v2.query_language import parse_mq, parse_q

CREATED = 1_577_836_800_123_456  # 2020-01-01T00:00:00.123Z and a bit
MODIFIED = 1_609_459_200_000_000  # 2021-01-01T00:00:00.000Z
EXPIRES = 1_893_456_000_000_000  # 2030-01-01T00:00:00.000Z


def entity(attributes: dict[str, Attribute] | None = None, *, expires: int | None = None) -> Entity:
    identity = Identity(Tenant("city"), "E1", "T", ServicePath("/parks/north/"))
    return Entity(identity, attributes or {}, CREATED, MODIFIED, expires=expires)


def holding(value: Json, kind: str = "Any") -> Entity:
    return entity({"v": Attribute(kind, value)})


MIXED: dict[str, Json] = {
    "number": 20,
    "string": "20",
    "array": [20, "x"],
    "object": {"a": 1},
    "null": None,
    "boolean": True,
}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("v", "number string array object null boolean"),
        ("!v", "missing"),
        ("v==20", "number array"),
        ("v:20", "number array"),
        ("v==20.0", "number array"),
        ("v=='20'", "string"),
        ("v==x", "array"),
        ("v==null", "null"),
        ("v==true", "boolean"),
        ("v==1", ""),
        ("v==20,30", "number array"),
        ("v=='20',null", "string null"),
        ("v==null,x", "array null"),
        ("v==15..20", "number array"),
        ("v=='2'..'3'", "string"),
        ("v==2020-01-01..2020-02-01", ""),
        ("v!=20", "string object null boolean"),
        ("v!='20'", "number array object null boolean"),
        ("v!=null", "number string array object boolean"),
        ("v!=20,30", "string object null boolean"),
        ("v!=null,x", "number string object boolean"),
        ("v!=15..25", "string object null boolean"),
        ("v>10", "number array"),
        ("v>20", ""),
        ("v>=20", "number array"),
        ("v<21", "number array"),
        ("v<=19", ""),
        ("v>'1'", "string array"),
        ("v>='20'", "string array"),
        ("v<'3'", "string"),
        ("v~=^2", "string"),
        ("v~=x|y", "array"),
        ("v.a", "object"),
        ("v.a==1", "object"),
        ("!v.a", "number string array null boolean missing"),
        ("v.a!=1", ""),
        ("v.0==20", "array"),
        ("v;v==20", "number array"),
        ("v>10;v<15", ""),
        ("v ; v == 20 ;", "number array"),
    ],
)
def test_statement_on_values_of_every_type_finds(q: str, found: str) -> None:
    query = parse_q(q)
    matches = [name for name, value in MIXED.items() if query.matches(holding(value))]
    if query.matches(entity()):
        matches.append("missing")
    assert matches == found.split()


@pytest.mark.parametrize(
    ("q", "value", "expected"),
    [
        ("v.a.b>3", {"a": {"b": 4}}, True),
        ("v.a.b>3", {"a": [{"b": 1}, {"b": 4}]}, True),
        ("v.'a.b'.c==x", {"a.b": {"c": "x"}}, True),
        ("v.a.b.c==x", {"a.b": {"c": "x"}}, False),
        ("v.'a.b'", {"a.b": None}, True),
        ("v.a==null", {"a": None}, True),
        ("v.a!=null", {"a": 1}, True),
        ("v.a!=null", {}, False),
        ("v.a=='light,green'", {"a": "light,green"}, True),
        ("v.a=='light,green','deep,blue'", {"a": "deep,blue"}, True),
        ("v.a==''", {"a": ""}, True),
        ("v.a!=''", {"a": "x"}, True),
        ("v.a==-1.5e2", {"a": -150}, True),
        ("v.a==9007199254740993", {"a": 9007199254740993}, True),
        ("v.a==9007199254740993", {"a": 9007199254740992}, False),
        ("v.a==nan", {"a": "nan"}, True),
        ("v.a==1e999", {"a": "1e999"}, True),
        ("v.a==1_0", {"a": 10}, False),
        (f"v.a=={'9' * 5000}", {"a": "9" * 5000}, True),
        ("v.a==[1]", {"a": [1]}, False),
        ("v.a==x:y", {"a": "x:y"}, True),
        ("v.a:x", {"a": "x"}, True),
        ("v.a~=a.b", {"a": ["zz", "a-b"]}, True),
        ("v.a~=1", {"a": 1}, False),
        ("v.a==1..3", {"a": [0, 4]}, False),
    ],
)
def test_statement_on_a_compound_value(q: str, value: Json, expected: bool) -> None:
    assert parse_q(q).matches(holding(value)) is expected


def test_quoted_attribute_name_may_hold_dots_and_operators_of_one_character() -> None:
    holder = entity({"a.b": Attribute("Number", 1), "urn:x": Attribute("Number", 2)})
    assert parse_q("'a.b'==1").matches(holder)
    assert parse_q("'a.b'").matches(holder)
    assert parse_q("'urn:x'==2").matches(holder)
    assert not parse_q("a.b==1").matches(holder)


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("v>2017-06-17", True),
        ("v>2017-06-17T07", True),
        ("v>=2017-06-17T07:21:24.238Z", True),
        ("v==2017-06-17T09:21:24.238+02:00", True),
        ("v==2017-06-17T092124.238+02", True),
        ("v>2017-06-17T07:21:24.238", False),
        ("v==2017-01-01..2018-01-01", True),
        ("v!=2017-01-01..2018-01-01", False),
        ("v<2017-06-17T07:22", True),
        ("v==2017-06-18,2017-06-17T072124.238Z", True),
        ("v=='2017-06-17T07:21:24.238Z'", False),
        ("v~=2017", False),
    ],
)
def test_date_attribute_compares_as_date(q: str, expected: bool) -> None:
    assert parse_q(q).matches(holding("2017-06-17T07:21:24.238Z", "DateTime")) is expected


def test_text_attribute_with_a_date_in_it_stays_text() -> None:
    text = holding("2017-06-17T07:21:24.238Z", "Text")
    assert not parse_q("v>2000-01-01").matches(text)
    assert parse_q("v=='2017-06-17T07:21:24.238Z'").matches(text)


def test_date_attribute_that_is_null_has_no_time() -> None:
    assert not parse_q("v>2000-01-01").matches(holding(None, "DateTime"))
    assert parse_q("v==null").matches(holding(None, "DateTime"))


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("dateCreated==2020-01-01T00:00:00.123Z", True),
        ("dateCreated>2020-01-01", True),
        ("dateModified==2021-01-01", True),
        ("dateModified>2021-01-01", False),
        ("dateModified==2020-12-31T23..2021-01-01T01", True),
        ("dateExpires", True),
        ("dateExpires>2029-12-31", True),
        ("!dateExpires", False),
        ("servicePath==/parks/north", True),
        ("servicePath~=^/parks", True),
        ("servicePath==/parks", False),
        ("dateCreated", True),
    ],
)
def test_builtin_attributes_filter_even_against_user_attributes(q: str, expected: bool) -> None:
    attributes = {name: Attribute("Number", 0) for name in ("dateCreated", "dateModified")}
    assert parse_q(q).matches(entity(attributes, expires=EXPIRES)) is expected


def test_entity_that_never_expires_has_no_date_of_expiry() -> None:
    assert parse_q("!dateExpires").matches(entity())
    assert not parse_q("dateExpires>2000-01-01").matches(entity())


@pytest.mark.parametrize("q", ["id==E1", "type==T", "id", "alterationType"])
def test_id_and_type_are_no_attributes(q: str) -> None:
    assert not parse_q(q).matches(entity())


def metadata_entity() -> Entity:
    accuracy = {
        "accuracy": Attribute("Number", 0.8),
        "m.x": Attribute("Any", {"deep": {"er": [1, 2]}}),
        "when": Attribute("DateTime", "2020-01-01T00:00:00.000Z"),
        "text": Attribute("Text", "2020-01-01T00:00:00.000Z"),
        "dateCreated": Attribute("Number", 0),
    }
    return entity({"A": Attribute("Number", 1, accuracy, created=CREATED, modified=MODIFIED)})


@pytest.mark.parametrize(
    ("mq", "expected"),
    [
        ("A.accuracy", True),
        ("A.accuracy>0.5", True),
        ("A.accuracy==0.9", False),
        ("A.accuracy!=0.9", True),
        ("A.missing", False),
        ("A.missing!=1", False),
        ("!A.missing", True),
        ("!A.accuracy", False),
        ("B.accuracy", False),
        ("!B.accuracy", True),
        ("A.'m.x'", True),
        ("A.'m.x'.deep.er==2", True),
        ("A.'m.x'.deep.other", False),
        ("A.when>2019-01-01", True),
        ("A.text>2019-01-01", False),
        ("A.dateCreated>2019-01-01", True),
        ("A.dateModified==2021-01-01", True),
        ("A.accuracy>0.5;A.accuracy<0.7", False),
    ],
)
def test_metadata_statement(mq: str, expected: bool) -> None:
    assert parse_mq(mq).matches(metadata_entity()) is expected


FORBIDDEN = "forbidden characters in String Filter"


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ("", "empty q"),
        (";", "empty q"),
        ("a;;b", "empty q-item"),
        (";;", "empty q-item"),
        ("a; ;", "empty q-item"),
        (" ", "empty q-item (only whitespace)"),
        ("a; ;b", "empty q-item (only whitespace)"),
        ("==3", "empty left-hand-side in q-item"),
        ("v==", "empty right-hand-side in q-item"),
        ("!", "empty right-hand-side in q-item"),
        ("v=3", "invalid character found in URI param /q/"),
        ("!v==3", "invalid character found in URI param /q/"),
        ("v(==3", "invalid character found in URI param /q/"),
        ("v===3", FORBIDDEN),
        ("v==a(b)", FORBIDDEN),
        ("v=='a(b'", FORBIDDEN),
        ("v==a<b", FORBIDDEN),
        ("v~=(a|b)", FORBIDDEN),
        ("v~='a'", FORBIDDEN),
        ("a'b'c", FORBIDDEN),
        ("v=='a", "non-terminated forced string"),
        ("v=='", "non-terminated forced string"),
        ("v=='a'b'", "quote in forced string"),
        ("v>1..2", "ranges only valid for equal and not equal ops"),
        ("v==..2", "empty item in range"),
        ("v==1..", "empty item in range"),
        ("v==1..b", "invalid range: types mixed"),
        ("v==1..2020-01-01", "invalid range: types mixed"),
        ("v==true..2", "invalid data type for /range-from/"),
        ("v==2..null", "invalid data type for /range-to/"),
        ("v>1,2", "lists only valid for equal and not equal ops"),
        ("v==1,", "empty item in list"),
        ("v==1,,2", "empty item in list"),
        ("v==1,a", "invalid JSON value type in list"),
        ("v==1,null", "invalid JSON value type in list"),
        ("v==true,false", "invalid JSON value type in list"),
        ("v==2020-01-01,5", "invalid JSON value type in list"),
        ("v>true", "values of type /Bool/ not supported for operator /GreaterThan/"),
        ("v<=null", "values of type /Null/ not supported for operator /LessThanOrEqual/"),
    ],
)
def test_malformed_q_is_refused_saying_why(q: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_q(q)
    assert str(refusal.value) == message


def test_invalid_pattern_in_q_is_refused_quoting_it() -> None:
    with pytest.raises(InvalidPattern) as refusal:
        parse_q("v~=*")
    assert str(refusal.value) == "error compiling filter regex: '*'"


@pytest.mark.parametrize(
    ("mq", "message"),
    [
        ("A", "no metadata in right-hand-side of q-item"),
        ("!A", "no metadata in right-hand-side of q-item"),
        ("A==1", "no metadata name - not valid for metadata filters"),
        (".m==1", "no attribute name - not valid for metadata filters"),
        ("A.m=1", "invalid character found in URI param /mq/"),
        ("", "empty q"),
    ],
)
def test_malformed_mq_is_refused_saying_why(mq: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_mq(mq)
    assert str(refusal.value) == message


# --- the oracle ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A statement as generated: path tokens, operator, and the values on its right."""

    path: tuple[str, ...]
    operator: str
    right: tuple[Json, ...] = ()
    form: str = "single"

    def text(self) -> str:
        path = ".".join(f"'{token}'" if "." in token else token for token in self.path)
        if self.operator == "!":
            return "!" + path
        joiner = ".." if self.form == "range" else ","
        return path + self.operator + joiner.join(map(self._scalar, self.right))

    def _scalar(self, value: Json) -> str:
        if isinstance(value, str):
            return value if self.operator == "~=" else f"'{value}'"
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return repr(value)

    def holds(self, attributes: dict[str, Json]) -> bool:
        """The oracle: flattens the value to all that may be compared, then applies the rule."""
        there = _at(attributes, self.path)
        if self.operator in {"", "!"}:
            return (there != []) == (self.operator == "")
        candidates = there + [item for value in there if isinstance(value, list) for item in value]
        hit = any(self._agrees(candidate) for candidate in candidates)
        return there != [] and hit != (self.operator == "!=")

    def _agrees(self, value: Json) -> bool:
        if self.operator == "~=":
            return isinstance(value, str) and str(self.right[0]) in value
        if self.form != "range" and self.operator in {"==", ":", "!="}:
            return any(_kind(value) == _kind(wanted) and value == wanted for wanted in self.right)
        if _kind(value) != _kind(self.right[0]) or _kind(value) not in {"number", "string"}:
            return False
        low, high = self.right[0], self.right[-1]
        return {
            "==": lambda: low <= value <= high,  # type: ignore[operator]
            ":": lambda: low <= value <= high,  # type: ignore[operator]
            "!=": lambda: low <= value <= high,  # type: ignore[operator]
            ">": lambda: value > low,  # type: ignore[operator]
            ">=": lambda: value >= low,  # type: ignore[operator]
            "<": lambda: value < low,  # type: ignore[operator]
            "<=": lambda: value <= low,  # type: ignore[operator]
        }[self.operator]()


def _kind(value: Json) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object"}
    return names.get(type(value), "null" if value is None else "array")


def _at(container: Json, path: tuple[str, ...]) -> list[Json]:
    if not path:
        return [container]
    if isinstance(container, dict):
        return [value for name, value in container.items() if name == path[0]] and _at(
            container[path[0]], path[1:]
        )
    found: list[Json] = []
    for index, item in enumerate(container if isinstance(container, list) else []):
        if isinstance(item, dict):
            found += _at(item, path)
        if str(index) == path[0]:
            found += _at(item, path[1:])
    return found


TOKENS = st.sampled_from(["a", "b", "c.d", "0", "é"])
PLAIN_WORDS = st.sampled_from(["", "a", "ab", "b", "a b", "é", "x:y", "~", "1", "null", "true"])
WORDS = PLAIN_WORDS | st.sampled_from(["a,b", "a.b", "a..b"])
NUMBERS = st.sampled_from([-1.5, -1, 0, 0.5, 1, 1.0, 2, 1e21])
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TOKENS, inner, max_size=3),
    max_leaves=8,
)
ENTITIES = st.dictionaries(TOKENS, VALUES, min_size=1, max_size=3)
OPERATORS = ["", "!", "==", ":", "!=", ">", ">=", "<", "<=", "~="]


def _walk(container: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Every path into a value with what is there; into arrays by number and right through."""
    if path:
        yield path, container
    if isinstance(container, dict):
        for name, value in container.items():
            yield from _walk(value, (*path, name))
    if isinstance(container, list) and path:
        for index, item in enumerate(container):
            yield from _walk(item, (*path, str(index)))
            yield from (found for found in _walk(item, path) if found[0] != path)


def _writable(value: Json, form: str) -> bool:
    """Whether the language can say the value; it takes .. and , even inside quotes."""
    return not isinstance(value, str) or (
        ".." not in value and (form == "list" or "," not in value)
    )


RIGHT_SIDES: dict[str, st.SearchStrategy[Json]] = {
    "number": NUMBERS,
    "string": PLAIN_WORDS,
    "null": st.none(),
    "boolean": st.booleans(),
}


@st.composite
def statements(draw: st.DrawFn, attributes: dict[str, Json]) -> Asked:
    """A statement that mostly asks for what is there, or for something near it."""
    path, value = draw(st.sampled_from(list(_walk(attributes))))
    if draw(st.integers(0, 3)) == 0:
        path = tuple(draw(st.lists(TOKENS, min_size=1, max_size=3)))
    operator = draw(st.sampled_from(OPERATORS))
    if operator in {"", "!"}:
        return Asked(path, operator)
    if operator == "~=":
        return Asked(path, operator, (draw(st.text("abé", min_size=1, max_size=2)),))
    equality = operator in {"==", ":", "!="}
    form = draw(st.sampled_from(["single", "list", "range"])) if equality else "single"
    there = value if isinstance(value, list) else [value]
    kinds = list(RIGHT_SIDES) if equality and form == "single" else ["number", "string"]
    kind = draw(st.sampled_from([_kind(item) for item in there if _kind(item) in kinds] or kinds))
    near = [item for item in there if _kind(item) == kind and _writable(item, form)]
    one = RIGHT_SIDES[kind] | st.sampled_from(near) if near else RIGHT_SIDES[kind]
    right = tuple(draw(one) for _ in range(1 if form == "single" else 2))
    nothing = (None,) if form == "list" and kind == "string" and draw(st.booleans()) else ()
    return Asked(path, operator, right + nothing, form)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Asked], dict[str, Json]]:
    """Attributes and one to three statements about them."""
    attributes = draw(ENTITIES)
    return draw(st.lists(statements(attributes), min_size=1, max_size=3)), attributes


@settings(deadline=None)
@given(cases())
def test_query_agrees_with_the_oracle(case: tuple[list[Asked], dict[str, Json]]) -> None:
    asked, attributes = case
    text = ";".join(statement.text() for statement in asked)
    holder = entity({name: Attribute("Any", value) for name, value in attributes.items()})
    expected = all(statement.holds(dict(attributes)) for statement in asked)
    assert parse_q(text).matches(holder) is expected


@settings(deadline=None)
@given(cases())
def test_metadata_query_agrees_with_the_oracle(case: tuple[list[Asked], dict[str, Json]]) -> None:
    asked, metadata = case
    text = ";".join(
        f"!A.{statement.text()[1:]}" if statement.operator == "!" else f"A.{statement.text()}"
        for statement in asked
    )
    items = {name: Attribute("Any", value) for name, value in metadata.items()}
    holder = entity({"A": Attribute("Any", "unused", items)})
    expected = all(statement.holds(dict(metadata)) for statement in asked)
    assert parse_mq(text).matches(holder) is expected


@settings(deadline=None)
@given(st.text("ab.'=!<>~:;, ()12null-é\"[*", max_size=14))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_q, parse_mq):
        with suppress(InvalidRequest):
            assert parse(text).matches(metadata_entity()) in {True, False}
