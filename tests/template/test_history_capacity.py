"""What functions of the history are given is enough for a city of 10,000 sensors."""

from tests.template.stack import resources, translated

MEGABYTE = 1_000_000
DAY_OF_A_LARGE_TYPE = 89.5 * MEGABYTE
"""A merged day of 14.4 million records, as docs/history.md has it."""


def test_exporting_a_month_of_a_large_type_fits_the_disk() -> None:
    """The days are on it until the one file is, too."""
    function = resources(translated(), "AWS::Lambda::Function")["HistoryCompactFunction"]
    assert function["EphemeralStorage"]["Size"] * 1024**2 >= 2 * 31 * DAY_OF_A_LARGE_TYPE
