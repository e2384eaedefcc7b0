"""DateTime forms: what is accepted, what it becomes, what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.dates import canonical, format_date, parse_date
from city.errors import InvalidRequest
from city.json import Json


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("2016-04-05", "2016-04-05T00:00:00.000Z"),
        ("2016-04-05T14", "2016-04-05T14:00:00.000Z"),
        ("2016-04-05T1410", "2016-04-05T14:10:00.000Z"),
        ("2016-04-05T14:10", "2016-04-05T14:10:00.000Z"),
        ("2016-04-05T141005", "2016-04-05T14:10:05.000Z"),
        ("2016-04-05T14:10:05", "2016-04-05T14:10:05.000Z"),
        ("2016-04-05T141005.2", "2016-04-05T14:10:05.200Z"),
        ("2016-04-05T14:10:05.250", "2016-04-05T14:10:05.250Z"),
        ("2016-04-05T14:10:05.999999", "2016-04-05T14:10:05.999Z"),
        ("2016-04-05T14Z", "2016-04-05T14:00:00.000Z"),
        ("2016-04-05T14+02", "2016-04-05T12:00:00.000Z"),
        ("2016-04-05T1410+0230", "2016-04-05T11:40:00.000Z"),
        ("2016-04-05T14:10:05.123456-01:00", "2016-04-05T15:10:05.123Z"),
        ("2016-02-29T00:00:00Z", "2016-02-29T00:00:00.000Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000Z"),
    ],
)
def test_date_is_shown_in_the_canonical_form(given_text: str, shown: str) -> None:
    assert canonical(given_text, where="attribute") == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2016-04-05Z",
        "2016-04-05T",
        "2016-04-05 14:10",
        "2016-4-5",
        "2016-13-01",
        "2015-02-29",
        "2016-04-05T24:00",
        "2016-04-05T14:60",
        "2016-04-05T23:59:60Z",
        "2016-04-05T14:10.5",
        "2016-04-05T14:10:0x.00Z",
        "2016-04-05T14:10:00+24:00",
        "2016-04-05T14:10:00+1",
        "1899-12-31",
        "9999-12-31T23:59:59-12:00",
        "2016-04-05T14:10:00Z ",
        "２016-04-05",
        "22/05/2016",
        "2016-W14-2",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="date has invalid format in metadata value"):
        canonical(text, where="metadata")


@pytest.mark.parametrize("value", [None, True, 5, [], {}])
def test_only_a_string_can_be_a_date(value: Json) -> None:
    with pytest.raises(InvalidRequest, match="date has invalid format in attribute value"):
        canonical(value, where="attribute")


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone is added
    st.integers(-23 * 60, 23 * 60),
)
def test_a_date_means_the_same_moment_in_every_zone(moment: datetime, minutes: int) -> None:
    milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    local = (milliseconds + timedelta(minutes=minutes)).strftime("%H:%M:%S.%f")
    day = (milliseconds + timedelta(minutes=minutes)).date().isoformat()

    shown = format_date(parse_date(f"{day}T{local}{zone}"))

    assert datetime.fromisoformat(shown) == milliseconds
    assert parse_date(shown) == parse_date(f"{day}T{local}{zone}")
