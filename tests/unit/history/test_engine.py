"""DuckDB reads files of the history, and can reach nothing else."""

from pathlib import Path

import pytest

from city.errors import TooComplex
from history.reading.engine import Credentials, Engine, Place, TimedOut, Vanished
from history.reading.fragments import Sql
from history.recording.parquet import parquet_of
from tests.history_records import record


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine over a directory with one file."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file.parquet").write_bytes(parquet_of([record(21)]))
    (tmp_path / "other.parquet").write_bytes(parquet_of([record(22)]))
    return Engine(Place(str(tmp_path / "kept")), threads=1)


def test_it_reads_files_of_its_place(engine: Engine, tmp_path: Path) -> None:
    files = (str(tmp_path / "kept" / "file.parquet"),)
    found = engine.run(Sql("SELECT v_num FROM read_parquet(?)", (files,)))
    assert found.rows == [(21.0,)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_parquet('{place}/other.parquet')",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '{place}/stolen.csv'",
        "ATTACH '{place}/database'",
        "SET threads = 2",
        "SET enable_external_access = true",
        "INSTALL spatial",
    ],
)
def test_it_reaches_nothing_else_whatever_a_query_says(
    engine: Engine, tmp_path: Path, text: str
) -> None:
    import duckdb  # noqa: PLC0415

    with pytest.raises(duckdb.Error):
        engine.run(Sql(text.format(place=tmp_path)))
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "other.parquet"}


def test_a_file_that_is_gone_has_vanished(engine: Engine, tmp_path: Path) -> None:
    files = (str(tmp_path / "kept" / "gone.parquet"),)
    with pytest.raises(Vanished):
        engine.run(Sql("SELECT * FROM read_parquet(?)", (files,)))


def test_a_query_that_takes_too_long_is_ended_and_the_next_one_runs(engine: Engine) -> None:
    endless = "SELECT count(*) FROM range(1000000) AS a(x), range(1000000) AS b(y) WHERE x * y = -1"
    with pytest.raises(TimedOut):
        engine.run(Sql(endless), timeout=20_000)
    assert engine.run(Sql("SELECT 1")).rows == [(1,)]


def test_a_query_without_enough_memory_is_too_complex(tmp_path: Path) -> None:
    small = Engine(Place(str(tmp_path)), memory=20_000_000, threads=1)
    hungry = "SELECT count(*) FROM (SELECT DISTINCT hash(x) FROM range(5000000) AS a(x)) AS b"
    with pytest.raises(TooComplex):
        small.run(Sql(hungry))


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert Credentials.of_environment() == Credentials("key", "secret", "token")


def test_new_credentials_replace_the_old_ones() -> None:
    present = [Credentials("one", "secret'"), Credentials("two", "secret", "token")]
    engine = Engine(
        Place("s3://bucket/", "http://127.0.0.1:1", "eu-west-1"), lambda: present[0], threads=1
    )
    text = "SELECT secret_string FROM duckdb_secrets()"
    [(first,)] = engine.run(Sql(text)).rows
    present.pop(0)
    [(second,)] = engine.run(Sql(text)).rows
    assert "key_id=one" in first
    assert "key_id=two" in second
    assert "secret'" not in first
