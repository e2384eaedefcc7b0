"""Times as QuantumLeap reads and writes them. Inside they are microseconds UTC."""

import re

from city.clock import from_iso, iso
from history.quantumleap.refusals import Refused

LATEST = from_iso("9999-12-31T23:59:59.999999")
"""No time is after this one."""

_LOST_PLUS = re.compile(r"(.*[T ][0-9]{2}[0-9:.]*) ([0-9]{2}(?::?[0-9]{2})?)\Z")
_YEAR_OR_MONTH = re.compile(r"[0-9]{4}(-[0-9]{2})?\Z")
_FIRST_DAYS = {4: "-01-01", 7: "-01"}


def read_time(text: str) -> int:
    """The moment that `fromDate` or `toDate` names; without a zone it is UTC.

    Any ISO 8601 form, also in double quotes, also a year or a month (its first moment). A `+` that
    was not encoded reaches us as a blank; in front of a zone it is taken for what it was.
    Raises Refused (422) for anything else.
    """
    bare = _LOST_PLUS.sub(r"\1+\2", text.strip('"').strip())
    if _YEAR_OR_MONTH.match(bare):
        bare += _FIRST_DAYS[len(bare)]
    try:
        return from_iso(bare)
    except ValueError:
        explanation = f"The parameter value '{text}' for parameter **fromDate** or **toDate**"
        raise Refused(422, "InvalidParameterValue", f"{explanation} is not valid.") from None


def shown_time(moment: int) -> str:
    """A time in an index: `YYYY-MM-DDThh:mm:ss.sss+00:00`."""
    return iso(moment)[:-1] + "+00:00"


def shown_bound(moment: int | None) -> str:
    """A bound of the window in the index of an aggregate, "" if open; fractions only if any."""
    if moment is None:
        return ""
    return iso(moment, "auto")[:-1] + "+00:00"
