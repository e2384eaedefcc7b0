"""Whatever is asked, the planner answers as the model does, and hides what is hidden."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from city.clock import from_iso
from city.json import Json, dump
from city.policy.grants import UNLIMITED, Access, Action, Grant
from city.tenancy import EVERYWHERE, ROOT, PathPattern, PathScope, ServicePath
from history.reading.engine import Engine, Place
from history.reading.planner import Planner
from history.reading.queries import (
    ALWAYS,
    Aggregate,
    Anchored,
    Bucket,
    Calendar,
    Choice,
    Instance,
    Instances,
    Latest,
    Method,
    Query,
    Row,
    Rows,
    Seen,
    Sightings,
    Window,
)
from history.records import Record, Series
from history.store.ledger import Deletion
from tests import history_model
from tests.builders import CITY
from tests.history_oracle import Oracle
from tests.history_records import record
from tests.history_shelf import Shelf

HOUR = 3600 * 1_000_000
BEGIN = from_iso("2026-01-30T22:30:00Z")

PARK, PARKS, ROAD = ServicePath("/park/"), ServicePath("/parks/"), ServicePath("/road/")
SERIES = [
    Series("Room", "a", ROOT),
    Series("Room", "a", PARK),
    Series("Room", "b", PARKS),
    Series("ns:Röm/1", "b", PARK),
]
NAMES = ["t", "T", "text"]
VALUES: list[Json] = [0, 0.0, 1, 21.5, -3, False, True, "", "x", "ü'", None, {"a": [1]}, 2**60 + 1]

MOMENTS = st.integers(0, 60).map(lambda step: BEGIN + step * HOUR // 2)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Record]]:
    """Batches of records: late, repeated, replaced, with ends of attributes and of entities."""
    numbers = iter(draw(st.permutations(range(1, 49))))
    moments = st.sampled_from(draw(st.lists(MOMENTS, min_size=1, max_size=8)))
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        batch = []
        for _ in range(draw(st.integers(1, 12))):
            ts, seq = draw(moments), next(numbers)
            op = draw(st.sampled_from(["set"] * 6 + ["delete"]))
            names = NAMES if op == "set" else [*NAMES, ""]
            attribute = draw(st.sampled_from(names))
            batch.append(
                record(
                    draw(st.sampled_from(VALUES)) if op == "set" else None,
                    series=draw(st.sampled_from(SERIES)),
                    attribute=attribute,
                    ts=ts,
                    seq=seq,
                    op=op,
                    dataset=draw(st.sampled_from(["", "", "urn:d"])) if attribute else "",
                    index=NAMES.index(attribute) if attribute else 0,
                    ingested=ts + seq,
                )
            )
        batches.append(batch)
    return [*batches, *draw(st.lists(st.sampled_from(batches), max_size=2))]


def _some(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    chosen = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    return st.one_of(st.none(), st.none(), st.none(), chosen)


scopes: st.SearchStrategy[PathScope] = st.sampled_from(
    [
        EVERYWHERE,
        EVERYWHERE,
        EVERYWHERE,
        EVERYWHERE,
        (PathPattern(PARK, subtree=True),),
        (PathPattern(ROOT, subtree=False), PathPattern(ROAD, subtree=True)),
    ]
)
choices = st.builds(
    Choice,
    tenant=st.just(CITY),
    types=_some(["Room", "ns:Röm/1"]),
    ids=_some(["a", "b"]),
    id_pattern=st.sampled_from([None, None, None, "^a", "[b-z]"]),
    scope=scopes,
    attributes=_some(NAMES),
    datasets=st.sampled_from([("",), None]),
)
windows = st.one_of(
    st.just(ALWAYS),
    st.builds(Window, MOMENTS, st.none()),
    st.builds(Window, st.none(), MOMENTS),
    st.tuples(MOMENTS, MOMENTS).map(lambda ends: Window(*sorted(ends))),
)
counts = st.none() | st.sampled_from([1, 2, 3, 6, 20])
offsets = st.sampled_from([0, 0, 1, 3])
periods = st.sampled_from(
    [
        None,
        *(Calendar(unit) for unit in ("year", "month", "day", "hour", "minute", "second")),
        Anchored(micros=5 * HOUR, origin=BEGIN + 1_000),
        Anchored(micros=HOUR * 24),
        Anchored(months=1),
        Anchored(months=1, origin=from_iso("2025-12-31T23:00:00Z")),
    ]
)
methods = st.lists(st.sampled_from([*Method]), min_size=1, unique=True)
queries: st.SearchStrategy[Query] = st.one_of(
    st.builds(
        Instances,
        choices,
        windows,
        last=counts,
        limit=counts,
        offset=offsets,
        newest_first=st.booleans(),
        include_deletes=st.booleans(),
        count=st.booleans(),
    ),
    st.builds(
        Rows,
        choices,
        windows,
        last=counts,
        limit=counts,
        offset=offsets,
        newest_first=st.booleans(),
        count=st.booleans(),
    ),
    st.builds(
        Aggregate, choices, methods, periods, windows, last=counts, limit=counts, offset=offsets
    ),
    st.builds(Latest, choices, windows),
    st.builds(Sightings, choices, windows, limit=counts, offset=offsets),
)
grants = st.builds(
    Grant,
    id=st.uuids().map(str),
    actions=st.just(frozenset({Action.READ})),
    tenant=st.just(str(CITY)),
    path=st.sampled_from([EVERYWHERE[0], PathPattern(PARK, subtree=True)]),
    types=st.sampled_from([None, frozenset({"Room"})]),
    ids=st.sampled_from([None, None, frozenset({"a"})]),
    attributes=st.sampled_from([None, None, frozenset({"t", "text"}), frozenset({"T"})]),
    deny=st.sampled_from([False, False, False, True]),
)
accesses = st.lists(grants, min_size=1, max_size=3).map(lambda some: Access("reader", some, BEGIN))


@contextmanager
def shelved(batches: list[list[Record]], mergers: Sequence[int]) -> Iterator[tuple[Shelf, Oracle]]:
    """A history on a shelf, some of its days merged, and the model of it."""
    with TemporaryDirectory(dir=ROOT_DIRECTORY.name) as place:
        shelf, oracle = Shelf(Path(place)), Oracle()
        for batch in batches:
            shelf.record(CITY, batch)
            oracle.accept(CITY, batch)
        for number, key in enumerate(sorted(shelf.days_)):
            how = mergers[number % len(mergers)]
            if how:
                shelf.compact(*key, finishing=how == 2)
        for type in {series.type for series in SERIES}:
            if mergers[0]:
                shelf.gather_month(CITY, type, "2026-01")
        yield shelf, oracle


mergings = st.lists(st.integers(0, 2), min_size=1, max_size=4)
ROOT_DIRECTORY = TemporaryDirectory()
ENGINE = Engine(Place(ROOT_DIRECTORY.name), threads=1)

checked = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@checked
@given(histories(), mergings, queries)
def test_an_answer_is_that_of_the_model(
    batches: list[list[Record]], mergers: list[int], query: Query
) -> None:
    with shelved(batches, mergers) as (shelf, oracle):
        expected = history_model.answer(query, oracle.winners(CITY).values(), UNLIMITED.view(CITY))
        event(f"{type(query).__name__} {'some' if expected else 'nothing'}")
        assert same(plain(run(shelf.planner(engine=ENGINE), query, UNLIMITED)), expected)


@checked
@given(histories(), mergings, queries, accesses)
def test_a_caller_is_answered_as_if_the_hidden_did_not_exist(
    batches: list[list[Record]], mergers: list[int], query: Query, access: Access
) -> None:
    with shelved(batches, mergers) as (shelf, oracle):
        expected = history_model.answer(query, oracle.winners(CITY).values(), access.view(CITY))
        assert same(plain(run(shelf.planner(engine=ENGINE), query, access)), expected)


deletions = st.builds(
    Deletion,
    tenant=st.just(CITY),
    type=st.sampled_from(["Room", "ns:Röm/1"]),
    id=st.just("1"),
    ids=st.sampled_from([None, ("a",)]),
    scope=scopes,
    attributes=st.sampled_from([None, ("t",)]),
    start=st.none() | MOMENTS,
    end=st.none() | MOMENTS,
    at=MOMENTS,
    by=st.just("operator"),
)


@checked
@given(histories(), queries, deletions)
def test_what_was_deleted_is_gone_at_once(
    batches: list[list[Record]], query: Query, deletion: Deletion
) -> None:
    with shelved(batches, [0]) as (shelf, _):
        shelf.deletions_.append(deletion)
        left = Oracle()
        for batch in batches:
            left.accept(CITY, [one for one in batch if not covered(deletion, one)])
        expected = history_model.answer(query, left.winners(CITY).values(), UNLIMITED.view(CITY))
        assert same(plain(run(shelf.planner(engine=ENGINE), query, UNLIMITED)), expected)


@checked
@given(histories(), mergings, queries)
def test_a_total_is_the_size_of_the_answer_without_its_page(
    batches: list[list[Record]], mergers: list[int], query: Query
) -> None:
    with shelved(batches, mergers) as (shelf, _):
        if isinstance(query, Instances | Rows):
            planner = shelf.planner(engine=ENGINE)
            whole = planner.run(replace(query, limit=None, offset=0), UNLIMITED)
            counted = planner.run(replace(query, count=True), UNLIMITED)
            assert counted.total == len(whole.rows)


def covered(deletion: Deletion, one: Record) -> bool:
    """Whether a deletion is about a record."""
    probe = Oracle()
    probe.accept(CITY, [one])
    probe.delete(
        CITY,
        deletion.type,
        ids=deletion.ids,
        scope=deletion.scope,
        attributes=deletion.attributes,
        start=deletion.start,
        end=deletion.end,
        until=deletion.at,
    )
    return not probe.winners(CITY)


def run(planner: Planner, query: Query, access: Access) -> Any:
    """The rows of an answer; its total must be the size of the answer without a page."""
    answer: Any = planner.run(query, access)
    if isinstance(query, Instances | Rows):
        assert (answer.total is not None) == query.count
    return answer.rows


def plain(rows: Sequence[Any]) -> list[Any]:
    """Rows as the model has them."""
    return [_plain(row) for row in rows]


def _plain(row: Any) -> Any:
    match row:
        case Instance():
            return (
                row.series,
                row.attribute,
                row.dataset,
                row.ts,
                row.op,
                row.seq,
                dump(row.value),
            )
        case Row():
            return row.series, row.ts, {name: dump(value) for name, value in row.values.items()}
        case Bucket():
            ends = (Method.FIRST, Method.LAST)
            values = {
                method: dump(value) if method in ends else value
                for method, value in row.values.items()
            }
            return row.series, (row.start, row.end), row.attribute, row.dataset, values
        case Seen():
            return tuple(row)


def same(found: list[Any], expected: list[Any]) -> bool:
    """Equality; sums of floats need not agree in the last digits."""
    assert len(found) == len(expected), (found, expected)
    for one, other in zip(found, expected, strict=True):
        *key, values = one
        *other_key, other_values = other
        assert key == other_key, (one, other)
        if isinstance(values, dict) and values and isinstance(next(iter(values)), Method):
            for method, value in values.items():
                wanted = other_values[method]
                if isinstance(wanted, float) and wanted:
                    wanted = pytest.approx(
                        wanted, rel=1e-9, abs=1e-3 if method is Method.STDDEV else 0
                    )
                assert value == wanted, (method, one, other)
        else:
            assert values == other_values, (one, other)
    return True


def test_a_month_is_read_without_the_days_that_changed_since_whatever_other_types_have() -> None:
    days = [from_iso(f"2026-01-{day}T12:00:00Z") for day in (29, 30, 31)]
    series = [SERIES[0], SERIES[3]]
    batches = [[record(1, series=one, ts=ts, ingested=ts) for one in series for ts in days]]
    late = [record(2, series=SERIES[0], ts=days[2] + HOUR, ingested=days[2] + HOUR)]
    query = Aggregate(Choice(CITY), [Method.COUNT], Calendar("day"))
    with shelved(batches, [2]) as (shelf, oracle):
        shelf.record(CITY, late)
        oracle.accept(CITY, late)
        expected = history_model.answer(query, oracle.winners(CITY).values(), UNLIMITED.view(CITY))
        found = plain(run(shelf.planner(engine=ENGINE), query, UNLIMITED))
        assert same(found, expected)
