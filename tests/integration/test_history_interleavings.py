"""Whatever is recorded, compacted, rolled up and deleted in whatever order, and wherever a process
dies: readers see what an in-memory model says, and rollups sum up just that."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from city import aws
from city.clock import SECOND
from history.days import day_of
from history.reading.queries import Window
from history.store.merges import HOLD, Replaced
from tests.conftest import create_history_bucket, create_history_table
from tests.history_keeping import DAY, HOUR, START, TENANT, TYPE, Died, Keeping, observation

if TYPE_CHECKING:
    from history.records import Record

IDS = st.sampled_from("abc")
ATTRIBUTES = st.sampled_from(["NO2", "CO", ""])
VALUES = st.one_of(st.integers(-5, 5), st.sampled_from([0.0, 1.5, "", "text", True, False, None]))
MOMENTS = st.integers(0, 3 * 24 * 2).map(lambda half: START + half * HOUR // 2)
SKETCH = st.tuples(IDS, ATTRIBUTES, MOMENTS, VALUES, st.integers(1, 6))
OPTIONAL = st.one_of(st.none(), MOMENTS)
DEATHS = st.one_of(st.none(), st.none(), st.tuples(st.integers(0, 12), st.booleans()))


class Interleavings(RuleBasedStateMachine):
    """A city's history, kept by people in a hurry."""

    @initialize()
    def begin(self) -> None:
        dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
        self.names = create_history_table(dynamodb), create_history_bucket(s3)
        self.keeping = Keeping(dynamodb, self.names[0], s3, self.names[1])
        self.batches: dict[str, list[Record]] = {}
        self.serial = 0

    def teardown(self) -> None:
        if hasattr(self, "keeping"):
            self.keeping.fate.writes = None
            self.keeping.objects.delete_many([*self.keeping.keys()])
            aws.client("dynamodb").delete_table(TableName=self.names[0])
            aws.client("s3").delete_bucket(Bucket=self.names[1])

    @rule(sketches=st.lists(SKETCH, min_size=1, max_size=6))
    def record(self, sketches: list[Any]) -> None:
        """A batch, late or in time; the same seq never has two values."""
        self.serial += 1
        records = [
            observation(
                at,
                None if attribute == "" else value,
                id=id,
                attribute=attribute,
                seq=seq * 1000 + self.serial * 10 + number,
                ingested=self.keeping.now,
            )
            for number, (id, attribute, at, value, seq) in enumerate(sketches)
        ]
        self.batches[f"batch {self.serial}"] = records
        self.keeping.record(records, f"batch {self.serial}")

    @precondition(lambda self: self.batches)
    @rule(choice=st.data())
    def record_again(self, choice: st.DataObject) -> None:
        """A retry of a batch, as long as no deletion has come between."""
        source = choice.draw(st.sampled_from(sorted(self.batches)))
        self.keeping.record(self.batches[source], source)

    @rule(hours=st.integers(1, 40))
    def wait(self, hours: int) -> None:
        self.keeping.now += hours * HOUR

    @rule(seconds=st.sampled_from([1, 600]))
    def wait_a_little(self, seconds: int) -> None:
        self.keeping.now += seconds * SECOND

    @rule(choice=st.data(), death=DEATHS)
    def work(self, choice: st.DataObject, death: tuple[int, bool] | None) -> None:
        """Do one thing that is marked; the process may die in it."""
        marked = sorted(work.what for work in self.keeping.merges.work())
        if not marked:
            return
        what = choice.draw(st.sampled_from(marked))
        if death:
            self.keeping.fate.writes, self.keeping.fate.after = death
        try:
            self.keeping.do(what)
        except Died:
            self.keeping.now += choice.draw(st.sampled_from([1, HOLD + 1]))
        except Replaced:
            pass
        finally:
            self.keeping.fate.writes = None
        self.keeping.made()

    @rule(
        ids=st.one_of(st.none(), st.lists(IDS, min_size=1, max_size=2, unique=True)),
        attributes=st.one_of(st.none(), st.just(["NO2"])),
        start=OPTIONAL,
        end=OPTIONAL,
    )
    def delete(
        self,
        ids: list[str] | None,
        attributes: list[str] | None,
        start: int | None,
        end: int | None,
    ) -> None:
        keeping = self.keeping
        window = Window(start, end)
        keeping.deletions.request(
            TENANT, [TYPE], ids=ids, attributes=attributes, window=window, by="me"
        )
        keeping.oracle.delete(
            TENANT,
            TYPE,
            ids=ids,
            attributes=attributes,
            start=start,
            end=end,
            until=keeping.now,
        )
        keeping.now += SECOND
        self.batches.clear()

    @invariant()
    def readers_see_what_the_model_says(self) -> None:
        if hasattr(self, "keeping"):
            assert self.keeping.visible() == self.keeping.expected()

    @invariant()
    def rollups_sum_up_what_readers_see(self) -> None:
        if not hasattr(self, "keeping"):
            return
        holdings = self.keeping.holdings()
        if holdings.deletions:
            return
        clean = [day.date for day in holdings.days if day.clean]
        assert self.keeping.hours() == self.keeping.expected_hours(clean)

    @rule()
    def come_to_rest(self) -> None:
        """With nothing new, all is done in the end, and nothing is left over."""
        keeping = self.keeping
        keeping.now = max(keeping.now, START + 40 * DAY)
        keeping.work_off()
        assert [*keeping.merges.work()] == []
        assert keeping.keys() == keeping.named()
        holdings = keeping.holdings()
        assert all(day.clean for day in holdings.days)
        assert (
            keeping.hours()
            == keeping.month_hours()
            == keeping.expected_hours(day.date for day in holdings.days)
        )
        found = {day_of(one.ts) for one in keeping.oracle.winners(TENANT).values()}
        assert {day.date for day in holdings.days} == found


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=6,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
pytestmark = pytest.mark.filterwarnings("default::hypothesis.errors.NonInteractiveExampleWarning")
