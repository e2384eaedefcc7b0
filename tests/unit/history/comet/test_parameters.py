"""The query of a read: what it means, and the words of its refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.clock import from_iso
from history.comet.parameters import Aggregated, Invalid, Parameters, Raw, parse

COMBINATION = (
    "A combination of the following query params is required: lastN, hLimit and hOffset, "
    "filetype, or aggrMethod and aggrPeriod"
)


def read(*pairs: tuple[str, str], **given: str) -> Parameters:
    return parse([*given.items(), *pairs], with_type=False)


def refusal(*pairs: tuple[str, str], **given: str) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(Invalid) as caught:
        read(*pairs, **given)
    assert caught.value.source == "query"
    return str(caught.value), tuple(caught.value.keys)


def test_last_n_asks_for_the_newest() -> None:
    assert read(lastN="10").asked == Raw(10, None, 0, csv=False, counted=False)


def test_limit_and_offset_ask_for_a_page() -> None:
    asked = read(hLimit="3", hOffset="6", count="true").asked
    assert asked == Raw(None, 3, 6, csv=False, counted=True)


@pytest.mark.parametrize("filetype", ["csv", "CSV"])
def test_a_file_needs_no_limit(filetype: str) -> None:
    assert read(filetype=filetype).asked == Raw(None, None, 0, csv=True, counted=False)


def test_all_methods_in_their_order() -> None:
    asked = read(aggrMethod="sum,all", aggrPeriod="day").asked
    assert asked == Aggregated(("min", "max", "sum", "sum2", "occur"), "day")


def test_a_method_given_twice_counts_once() -> None:
    assert read(aggrMethod="sum,min,sum", aggrPeriod="hour").asked == Aggregated(
        ("sum", "min"), "hour"
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hLimit": "1"},
        {"hOffset": "1"},
        {"aggrMethod": "sum"},
        {"aggrPeriod": "day"},
        {"filetype": "xml"},
        {"dateFrom": "2026-01-01"},
    ],
)
def test_half_a_combination_is_refused(given: dict[str, str]) -> None:
    message, keys = refusal(**given)
    assert message == COMBINATION
    assert keys == (
        "lastN", "hLimit", "hOffset", "filetype", "aggrMethod", "aggrPeriod", "count",
    )  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"lastN": "101"},
        {"hLimit": "101", "hOffset": "0"},
        {"lastN": "5", "hLimit": "6", "hOffset": "0"},
    ],
)
def test_pages_have_a_limit(given: dict[str, str]) -> None:
    assert refusal(**given)[0] == "hLimit <= lastN <= config.maxPageSize"


@pytest.mark.parametrize("name", ["lastN", "hLimit", "hOffset"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must be a number"),
        ("ten", "must be a number"),
        ("1.5", "must be an integer"),
        ("-1", "must be greater than -1"),
        ("99999999999999999", "must be a safe number"),
    ],
)
def test_sizes_are_whole_numbers(name: str, text: str, why: str) -> None:
    message, keys = refusal(**{name: text})
    assert message == f'child "{name}" fails because ["{name}" {why}]'
    assert keys == (name,)


def test_methods_must_be_known() -> None:
    message, keys = refusal(aggrMethod="avg", aggrPeriod="day")
    assert message == (
        'child "aggrMethod" fails because ["aggrMethod" with value "avg" fails to match the '
        "required pattern: /^(min|max|sum|sum2|occur|all)(,(min|max|sum|sum2|occur|all))*$/]"
    )
    assert keys == ("aggrMethod",)


def test_periods_must_be_known() -> None:
    message, _ = refusal(aggrMethod="sum", aggrPeriod="year")
    assert message == (
        'child "aggrPeriod" fails because '
        '["aggrPeriod" must be one of [month, day, hour, minute, second]]'
    )


@pytest.mark.parametrize("name", ["aggrMethod", "filetype"])
def test_texts_must_not_be_empty(name: str) -> None:
    assert refusal(**{name: ""})[0] == (
        f'child "{name}" fails because ["{name}" is not allowed to be empty]'
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123+00:00"),
        ("2026-01-01T02:00:00 02:00", "2026-01-01T00:00:00+00:00"),
        ("1767225600000", "2026-01-01T00:00:00+00:00"),
    ],
)
def test_dates_are_iso_or_milliseconds(text: str, moment: str) -> None:
    parameters = read(lastN="1", dateFrom=text, dateTo=text)
    assert parameters.start == parameters.end == from_iso(moment)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "9999999999999999"])
def test_other_dates_are_refused(text: str) -> None:
    message, keys = refusal(lastN="1", dateTo=text)
    assert "must be a number of milliseconds or valid date string" in message
    assert keys == ("dateTo",)


def test_count_is_a_boolean() -> None:
    assert refusal(lastN="1", count="1")[0] == (
        'child "count" fails because ["count" must be a boolean]'
    )


def test_unknown_parameters_are_refused() -> None:
    assert refusal(lastN="1", limit="5") == ('"limit" is not allowed', ("limit",))
    assert refusal(lastN="1", type="Room") == ('"type" is not allowed', ("type",))


def test_parameters_come_once() -> None:
    message, keys = refusal(("lastN", "1"), ("lastN", "2"))
    assert message == 'child "lastN" fails because ["lastN" must be given only once]'
    assert keys == ("lastN",)


def test_version_2_needs_the_type() -> None:
    assert parse([("lastN", "1"), ("type", "Room")], with_type=True).type == "Room"
    with pytest.raises(Invalid, match='"type" is required'):
        parse([("lastN", "1")], with_type=True)


names = st.sampled_from(
    ["lastN", "hLimit", "hOffset", "aggrMethod", "aggrPeriod", "dateFrom", "count"]
)


@given(st.lists(st.tuples(names, st.text(max_size=8)), max_size=5))
def test_nonsense_is_refused_or_understood(query: list[tuple[str, str]]) -> None:
    try:
        parse(query, with_type=False)
    except Invalid as refused:
        assert str(refused)  # noqa: PT017 - any other error fails the test
