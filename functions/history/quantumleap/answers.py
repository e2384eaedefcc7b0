"""Answers: what was found in the form that the client takes, or that nothing was."""

from fastapi import Response

from city.errors import TooLarge
from city.json import dump
from history.exports.cells import lines
from history.quantumleap.downloads import CSV, table, wants_csv
from history.quantumleap.errors import JSON, render
from history.quantumleap.facts import Facts
from history.quantumleap.parameters import Parameters
from history.quantumleap.reading import Found
from history.quantumleap.refusals import no_records
from history.quantumleap.representations import Form, Shown, sighting
from history.reading.queries import Report

READ = "City-Read"
"""The header that says what an answer cost to read."""

MAX_ANSWER_BYTES = 6_000_000
"""A function may answer 6 MiB; the rest is for headers."""


def histories_answer(facts: Facts, found: Found, parameters: Parameters, form: Form) -> Response:
    """The histories in the form of an operation, or as CSV."""
    if not found.histories:
        return nothing(facts, found.report)
    if wants_csv(facts.accept):
        return _csv(table(facts.dialect, found.histories), found.report)
    return json_answer(form(Shown(facts.dialect, parameters, found.histories)), found.report)


def sightings_answer(
    facts: Facts, sightings: list[tuple[str, str, int]], report: Report
) -> Response:
    """The entities and when they were last observed, or as CSV."""
    if not sightings:
        return nothing(facts, report)
    shown = [sighting(facts.dialect, *one) for one in sightings]
    if wants_csv(facts.accept):
        return _csv(lines([[*shown[0]], *([*one.values()] for one in shown)]), report)
    return json_answer(shown, report)


def nothing(facts: Facts, report: Report | None = None) -> Response:
    """There is nothing: an error in one dialect and an empty list in the other."""
    if not facts.dialect.empty_is_error:
        return json_answer([], report)
    response = render(no_records())
    response.headers.update(_headers(report))
    return response


def json_answer(value: object, report: Report | None = None) -> Response:
    """A JSON answer. Raises TooLarge when the gateway would not pass it on."""
    return _sized(dump(value), report, JSON)


def text_answer(text: str) -> Response:
    """A sentence for people."""
    return Response(text.encode(), 200, media_type="text/plain; charset=utf-8")


def no_content() -> Response:
    """204: done, and nothing to tell."""
    return Response(None, 204)


def _csv(text: str, report: Report) -> Response:
    response = _sized(text, report, f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=history.csv"
    return response


def _sized(text: str, report: Report | None, media_type: str) -> Response:
    body = text.encode()
    # a text is longest as a JSON string, in which the gateway gets it
    if len(body) > MAX_ANSWER_BYTES // 6 and len(dump(text).encode()) > MAX_ANSWER_BYTES:
        raise TooLarge(
            f"the answer has more than {MAX_ANSWER_BYTES} bytes: "
            "ask for fewer attributes or a shorter time, or for pages with limit and offset"
        )
    return Response(body, 200, _headers(report), media_type)


def _headers(report: Report | None) -> dict[str, str]:
    return {} if report is None else {READ: report.header}
