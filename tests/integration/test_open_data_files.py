"""Files of months: exactly what the public sees, made anew whenever that or the history changes."""

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from city.tenancy import EVERYWHERE, ServicePath
from history.keeping.tasks import PublishMonth, Task
from history.store.ledger import Deletion
from history.store.merges import Merges
from history.store.tasks import TaskQueue
from tests.accounts import grant
from tests.integration.open_data import PLAIN, OpenCity, open_city

URL = "/dataset/noise-level/2026-09"
PARKS = ServicePath("/parks/")


@pytest.fixture
def city() -> Iterator[OpenCity]:
    """Two levels in September, one of them with a battery, in different places; all public."""
    with open_city() as city:
        city.publish(grant("read"))
        city.record("NoiseLevel", "2026-09-10T10:00:00", 61.5, id="N1")
        city.record("NoiseLevel", "2026-09-10T10:00:00", 90, id="N1", attribute="battery")
        city.record("NoiseLevel", "2026-09-11T10:00:00", 47, id="N2", path=PARKS)
        city.record("NoiseLevel", "2026-10-01T00:00:00", 1, id="N1")
        yield city


def lines(city: OpenCity) -> list[dict[str, str]]:
    _, content = city.download(f"{URL}.csv")
    return [*csv.DictReader(io.StringIO(content.decode()))]


def published(city: OpenCity) -> list[str]:
    """The keys of all files for the public."""
    return [*city.history.objects.keys("open-data/")]


def listed(city: OpenCity) -> list[str]:
    """The months that a harvester is told of."""
    resources = city.ask("package_show", id="noise-level")["resources"]
    return [one["name"] for one in resources if one["format"] == "CSV"]


def test_a_file_is_made_on_first_demand(city: OpenCity) -> None:
    found = lines(city)
    assert [(one["entity_id"], one["level"], one["battery"]) for one in found] == [
        ("N1", "61.5", "90"),
        ("N2", "47", ""),
    ]


def test_parquet_has_each_value(city: OpenCity, tmp_path: Path) -> None:
    _, content = city.download(f"{URL}.parquet")
    path = tmp_path / "month.parquet"
    path.write_bytes(content)
    rows = duckdb.execute("SELECT entity_id, attr, v_num FROM read_parquet(?)", [str(path)])
    assert sorted(rows.fetchall()) == [
        ("N1", "battery", 90.0),
        ("N1", "level", 61.5),
        ("N2", "level", 47.0),
    ]


def test_the_worker_makes_them_before_anybody_asks(city: OpenCity) -> None:
    assert listed(city) == []
    city.refresh()
    assert listed(city) == ["2026-10 (CSV)", "2026-09 (CSV)"]
    before = published(city)
    resource = city.ask("package_show", id="noise-level")["resources"][2]
    key, content = city.download(f"{URL}.csv")
    assert key in before
    assert resource["size"] == len(content)
    assert resource["hash"] == hashlib.sha256(content).hexdigest()
    assert city.services.open_data.releases.stale_months(PLAIN, "NoiseLevel") == []


def test_a_month_is_made_when_it_has_ended(city: OpenCity) -> None:
    city.record("NoiseLevel", "2026-11-10T10:00:00", 3)
    city.refresh()
    assert "2026-11 (CSV)" not in listed(city)
    assert city.get("/dataset/noise-level/2026-11.csv").status_code == 404


def test_a_narrower_grant_never_gets_an_older_file(city: OpenCity) -> None:
    city.refresh()
    wide, _ = city.download(f"{URL}.csv")
    city.publish(grant("read", servicePath="/parks/#", attributes=["level"]))
    assert listed(city) == []
    [only] = lines(city)
    assert only["entity_id"] == "N2"
    assert "battery" not in only
    assert listed(city) == ["2026-09 (CSV)"]
    city.refresh()
    assert wide not in published(city)


def test_attributes_that_are_not_granted_are_in_no_file(city: OpenCity, tmp_path: Path) -> None:
    city.publish(grant("read", attributes=["battery"]))
    _, content = city.download(f"{URL}.parquet")
    path = tmp_path / "month.parquet"
    path.write_bytes(content)
    rows = duckdb.execute("SELECT DISTINCT attr FROM read_parquet(?)", [str(path)])
    assert rows.fetchall() == [("battery",)]


def test_a_wider_grant_gets_the_whole_file(city: OpenCity) -> None:
    city.publish(grant("read", servicePath="/parks/#"))
    city.refresh()
    assert len(lines(city)) == 1
    city.publish(grant("read"))
    assert len(lines(city)) == 2


def test_what_comes_late_is_in_the_file(city: OpenCity) -> None:
    city.refresh()
    city.record("NoiseLevel", "2026-09-30T23:59:59", 55, id="N1")
    assert [one["level"] for one in lines(city)] == ["61.5", "47", "55"]
    assert city.services.open_data.releases.stale_months(PLAIN, "NoiseLevel") == []


def test_what_is_deleted_is_in_no_file_from_then_on(city: OpenCity) -> None:
    city.refresh()
    old, _ = city.download(f"{URL}.csv")
    city.clock.now += 1_000_000
    deletion = Deletion(
        *(PLAIN, "NoiseLevel", "x1", ("N1",), EVERYWHERE, None, None, None, city.clock.now, "me")
    )
    Merges(city.history.table, city.clock).put_deletion(deletion)
    assert [one["entity_id"] for one in lines(city)] == ["N2"]
    city.refresh()
    assert old not in published(city)
    assert listed(city) == ["2026-09 (CSV)"]


def test_files_of_what_is_deleted_go_with_it(city: OpenCity) -> None:
    city.refresh()
    releases = city.services.open_data.releases
    releases.discard(PLAIN, "NoiseLevel")
    assert len(published(city)) == 4
    city.record("NoiseLevel", "2026-09-12T10:00:00")
    releases.discard(PLAIN, "NoiseLevel")
    left = published(city)
    assert len(left) == 2
    assert all("2026-10" in key for key in left)


def test_a_file_that_is_gone_is_made_again(city: OpenCity) -> None:
    key, content = city.download(f"{URL}.csv")
    city.history.objects.delete_many([key])
    assert city.download(f"{URL}.csv")[1] == content


def test_what_is_no_longer_public_is_deleted(city: OpenCity) -> None:
    city.refresh()
    city.publish(grant("read", types=["Other"]))
    assert city.get(f"{URL}.csv").status_code == 404
    city.refresh()
    assert published(city) == []


@pytest.mark.parametrize(
    "file", ["2026-13.csv", "2026-09.pdf", "2026-09", "x.csv", "2026-08.csv", "9999-12.csv"]
)
def test_other_files_are_not_there(city: OpenCity, file: str) -> None:
    assert city.get(f"/dataset/noise-level/{file}").status_code == 404


def test_a_file_that_takes_long_is_not_waited_for(
    city: OpenCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("history.opendata.releases.MAX_BYTES_AT_ONCE", 10)
    queued: list[Task] = []
    monkeypatch.setattr(TaskQueue, "send", lambda _, tasks: queued.extend(tasks))
    answer = city.get(f"{URL}.csv")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "120"
    assert queued == [PublishMonth(PLAIN, "NoiseLevel", "2026-09")]


def test_a_link_lasts_some_minutes(city: OpenCity) -> None:
    answer = city.get(f"{URL}.csv")
    assert "Expires=" in answer.headers["location"]
    assert "noise-level-2026-09.csv" in answer.headers["location"]
    assert answer.headers["cache-control"] == "no-store"
