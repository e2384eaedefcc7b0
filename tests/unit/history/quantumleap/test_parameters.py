"""What QuantumLeap's URL parameters mean, and which are refused."""

from contextlib import suppress
from datetime import datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import from_iso
from history.quantumleap import parameters as known
from history.quantumleap.parameters import MAX_LIMIT, Parameters, parse
from history.quantumleap.refusals import Refused, WrongForm
from history.reading.queries import Calendar, Method, Window

EVERY = known.ATTRIBUTES | known.DELETE_TYPE | known.TASKS


def read(*pairs: tuple[str, str], **given: str) -> Parameters:
    return parse(urlencode([*given.items(), *pairs]).encode(), EVERY)


def test_nothing_given() -> None:
    assert parse(b"", EVERY) == Parameters(
        types=None,
        ids=None,
        id_pattern=None,
        attributes=None,
        method=None,
        period=None,
        from_text=None,
        to_text=None,
        window=Window(),
        place=None,
        last=None,
        limit=MAX_LIMIT,
        offset=0,
        drops_table=False,
    )


def test_lists_keep_their_order_and_drop_what_is_empty_or_twice() -> None:
    asked = read(id="b, a,,b", type="Room", attrs="t,")
    assert (asked.ids, asked.types, asked.attributes) == (("b", "a"), ("Room",), ("t",))
    assert read(id=",", type="").ids is None


def test_both_ends_of_the_window_are_inclusive() -> None:
    asked = read(fromDate="2026-03-29", toDate="2026-03-30T00:00:00.000Z")
    assert asked.window == Window(from_iso("2026-03-29"), from_iso("2026-03-30") + 1000)
    assert read(toDate="9999-12-31T23:59:59.999999").window.end == from_iso(
        "9999-12-31T23:59:59.999999"
    )


def test_aggregates() -> None:
    asked = read(aggrMethod="avg", aggrPeriod="month", attrs="t")
    assert (asked.method, asked.period) == (Method.AVG, Calendar("month"))


def test_the_attribute_of_the_path_counts_as_attribute() -> None:
    asked = parse(b"aggrMethod=max&attrs=other", known.TYPE_ATTRIBUTE, "t")
    assert (asked.method, asked.attributes) == (Method.MAX, ("t",))


def test_an_id_pattern_is_a_beginning_in_any_case() -> None:
    assert read(idPattern="room|hall").id_pattern == "(?i)^(?:room|hall)"


def test_a_limit_too_great_is_the_greatest() -> None:
    assert read(limit="10001").limit == MAX_LIMIT
    assert read(limit="10", lastN="3").rows == 3
    assert read(limit="3", lastN="10").rows == 3
    assert read(lastN="123456789012345").rows == MAX_LIMIT


def test_of_a_repeated_parameter_the_last_counts() -> None:
    assert read(("limit", "1"), ("limit", "2")).limit == 2


def test_unknown_parameters_are_ignored() -> None:
    assert parse(b"limit=0&nonsense=1&dropTable=perhaps", known.TASKS) == parse(b"", EVERY)


def test_aggregation_by_entity_is_what_is_done_anyhow() -> None:
    assert read(aggrScope="entity") == read()


def test_drop_table() -> None:
    assert read(dropTable="true").drops_table
    assert not read(dropTable="False").drops_table


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aggrMethod", "median"),
        ("aggrMethod", "AVG"),
        ("aggrMethod", ""),
        ("aggrPeriod", "week"),
        ("aggrScope", "city"),
        ("options", "count"),
        ("taskStatus", "lost"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "1" * 16),
        ("limit", "٣"),
        ("offset", "-1"),
        ("lastN", "0"),
        ("lastN", "1.5"),
        ("dropTable", "yes"),
        ("idPattern", "("),
        ("georel", "near"),
        ("geometry", "circle"),
        ("coords", "north"),
    ],
)
def test_wrong_forms_name_their_parameter(name: str, value: str) -> None:
    with pytest.raises(WrongForm, match=f"^{name}: "):
        read((name, value))


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"aggrPeriod": "day"}, 400, "Bad parameters use"),
        ({"aggrMethod": "avg"}, 400, "Bad parameters use"),
        ({"aggrMethod": "avg", "attrs": ","}, 400, "Bad parameters use"),
        ({"options": "keyValues"}, 501, "Not implemented option"),
        ({"aggrScope": "global"}, 501, "Not implemented option"),
        ({"aggr_scope": "global"}, 501, "Not implemented option"),
        ({"georel": "equals", "geometry": "point", "coords": "1,2"}, 422, "NotSupportedQuery"),
        ({"georel": "intersects"}, 400, "ValueError"),
        ({"fromDate": "soon"}, 422, "InvalidParameterValue"),
        ({"toDate": "soon"}, 422, "InvalidParameterValue"),
    ],
)
def test_refusals(given: dict[str, str], status: int, error: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(**given)
    assert (refusal.value.status, refusal.value.error) == (status, error)


def test_forms_are_checked_before_use_and_dates_last() -> None:
    with pytest.raises(WrongForm, match="limit"):
        read(aggrPeriod="day", fromDate="soon", limit="0")
    with pytest.raises(Refused, match="compulsory"):
        read(aggrPeriod="day", fromDate="soon", options="values")


@given(st.lists(st.tuples(st.sampled_from(sorted(EVERY)), st.text(max_size=12)), max_size=6))
def test_whatever_is_given_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    with suppress(Refused, WrongForm):
        asked = read(*pairs)
        assert 1 <= asked.rows <= MAX_LIMIT
        assert asked.offset >= 0


@given(st.binary(max_size=60))
def test_no_query_string_is_worse_than_refused(query_string: bytes) -> None:
    with suppress(Refused, WrongForm):
        assert parse(query_string, EVERY)


@given(
    st.datetimes().map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
)
def test_a_whole_millisecond_is_inside_the_window_that_begins_and_ends_there(
    moment: datetime,
) -> None:
    text = moment.isoformat()
    window = read(fromDate=text, toDate=text).window
    assert window.start is not None
    assert window.end is not None
    assert window.start <= from_iso(text) < window.end
