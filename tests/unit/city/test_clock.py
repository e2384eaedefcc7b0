"""Moments as answers show them and requests name them."""

import pytest

from city.clock import from_iso, iso

MOMENT = 1_764_590_400_123_456


def test_moment_is_shown_in_utc_to_the_millisecond() -> None:
    assert iso(MOMENT) == "2025-12-01T12:00:00.123Z"


def test_moment_that_is_given_back_exactly() -> None:
    assert iso(MOMENT, "auto") == "2025-12-01T12:00:00.123456Z"
    assert from_iso(iso(MOMENT, "auto")) == MOMENT


@pytest.mark.parametrize("text", ["2025-12-01T12:00:00.123456", "2025-12-01T13:00:00.123456+01:00"])
def test_moment_is_utc_unless_it_has_a_zone(text: str) -> None:
    assert from_iso(text) == MOMENT


@pytest.mark.parametrize("text", ["", "soon", "2025-13-01", "9999-12-31T23:59:59-01:00"])
def test_text_that_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says which member it was
        from_iso(text)
