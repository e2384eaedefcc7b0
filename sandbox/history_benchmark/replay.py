"""The replayed series as the history of a tenant: files in the bucket, and what the ledger says of them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from city.clock import SECOND
from city.parallel import in_parallel
from city.tenancy import ROOT, Tenant
from history.days import DAY, begin_of
from history.keeping.rollups import COLUMNS as ROLLUP_COLUMNS
from history.keeping.rollups import HOURS_OF_RECORDS
from history.names import day_key, month_key, new_name
from history.recording.parquet import COLUMNS, ROW_GROUP
from history.records import Series
from history.store.ledger import File
from history.store.merges import DayState, MonthState
from sandbox.demo.observations import STATIONS, hours
from sandbox.history_benchmark.cloud import Store

TYPE = "WeatherObserved"
FIRST = date(2025, 1, 1)
HOURS = 24
KNOWN = 1000
"""So many stations are put into the directory: queries about one need no more."""

_WRITTEN = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
_MOVED = ("hour", "first_ts", "last_ts")


def station(number: int) -> str:
    """The id of a station; ids sort as numbers do."""
    return f"urn:ngsi-ld:{TYPE}:{number:05d}"


def ids(count: int, of: int) -> Iterator[str]:
    """So many stations of so many, evenly spread."""
    return (station(number * of // count) for number in range(count))


def day(number: int) -> date:
    """The day so many days after the first."""
    return FIRST + timedelta(days=number)


class Replay:
    """Writes days of a tenant. Each station has `readings` a day, evenly spaced; when there are
    several in an hour, each is up to a degree off what was observed in that hour."""

    def __init__(self, store: Store, tenant: Tenant, stations: int, readings: int = HOURS) -> None:
        self._store = store
        self._tenant = tenant
        self._stations = stations
        self._readings = readings
        self._engine = duckdb.connect(config={"memory_limit": "3GB", "threads": 2})
        self._engine.execute("SET partitioned_write_flush_threshold = 100000000")
        observed = [[reading.temperature for reading in hours(city, 8759)] for city in STATIONS]
        self._engine.execute(
            "CREATE TABLE observed AS SELECT city, generate_subscripts(read, 1) - 1 AS place, "
            "unnest(read) AS temperature FROM (SELECT unnest([0, 1]) AS city, unnest($1) AS read)",
            [observed],
        )
        series = [Series(TYPE, station(number), ROOT) for number in range(min(stations, KNOWN))]
        store.directory.know(tenant, series)

    def recorded(self, days: range, batches: int) -> None:
        """As the recorder leaves them: so many files for each day, each of a part of the day."""
        part = self._readings // batches
        with TemporaryDirectory() as place:
            for number in days:
                paths = [Path(place, f"{batch}.parquet") for batch in range(batches)]
                for batch, path in enumerate(paths):
                    rows = self._rows(
                        range(number, number + 1), range(batch * part, (batch + 1) * part)
                    )
                    self._engine.execute(f"COPY ({rows}) TO '{path}' ({_WRITTEN})")
                in_parallel(lambda path, number=number: self._record(day(number), path), paths)  # type: ignore[misc]

    def _record(self, date: date, path: Path) -> None:
        file = self._put(day_key(self._tenant, TYPE, date, new_name("r")), path)
        self._store.ledger.register(self._tenant, TYPE, date, file)

    def compacted(self, days: range) -> None:
        """As compaction leaves them: a file and a rollup for each day, a rollup for each month."""
        months: dict[str, list[int]] = {}
        for number in days:
            months.setdefault(f"{day(number):%Y-%m}", []).append(number)
        for month, numbers in months.items():
            with TemporaryDirectory() as place:
                self._month(month, numbers, Path(place))

    def _month(self, month: str, numbers: Sequence[int], place: Path) -> None:
        rows = self._rows(range(numbers[0], numbers[-1] + 1), range(self._readings))
        self._divide(rows, "ts", place / "days")
        read = self._rollup([*(place / "days").rglob("*.parquet")], place / "month.parquet")
        self._divide(f"SELECT * FROM '{read}'", "hour", place / "hours")  # noqa: S608
        generations = dict(
            zip(
                map(day, numbers),
                in_parallel(lambda number: self._finished(day(number), place), numbers),
                strict=True,
            )
        )
        file = self._put(month_key(self._tenant, TYPE, month, new_name("m")), read, time="hour")
        self._store.merges.switch_month(
            MonthState(self._tenant, TYPE, month, {}), file, generations
        )

    def _finished(self, date: date, place: Path) -> int:
        [records] = (place / f"days/dt={date}").iterdir()
        [rollup] = (place / f"hours/dt={date}").iterdir()
        file = self._put(day_key(self._tenant, TYPE, date, new_name("d")), records)
        hours_ = self._put(day_key(self._tenant, TYPE, date, new_name("h")), rollup, time="hour")
        return self._switch(date, file, hours_)

    def busy_week(self, week: range) -> File:
        """A last day with all its rows; of the six before it the rollups only, as its own.

        Whoever asks for the newest, or for hours, needs no more of them.
        """
        last = week[-1]
        with TemporaryDirectory() as name:
            place = Path(name)
            records, rollup = place / "records.parquet", place / "rollup.parquet"
            rows = self._rows(range(last, last + 1), range(self._readings))
            self._engine.execute(f"COPY ({rows}) TO '{records}' ({_WRITTEN})")
            self._rollup([records], rollup)
            file = self._put(day_key(self._tenant, TYPE, day(last), new_name("d")), records)
            for number in week:
                moved = self._moved(rollup, last - number, place / f"{number}.parquet")
                key = day_key(self._tenant, TYPE, day(number), new_name("h"))
                hours_ = self._put(key, moved, time="hour")
                missing = day_key(self._tenant, TYPE, day(number), new_name("d"))
                shift = (last - number) * DAY
                other = File(missing, file.rows, file.size, file.first - shift, file.last - shift)
                self._switch(day(number), file if number == last else other, hours_)
        return file

    def _switch(self, date: date, file: File, rollup: File) -> int:
        state = DayState(self._tenant, TYPE, date, {}, ())
        done = self._store.merges.switch_day(state, [file], rollup, [], complete=True)
        return done.day.generation

    def _rows(self, days: range, readings: range) -> str:
        """SQL for the records of these days and these readings of each, sorted as files are."""
        each, step = len(readings), HOURS * 3600 * SECOND // self._readings
        is_noisy = self._readings > HOURS
        noise = "(hash(station * 1440 + reading) % 21 - 10.0) / 10.0" if is_noisy else "0.0"
        values = {
            "entity_id": f"format('urn:ngsi-ld:{TYPE}:{{:05d}}', station)",
            "service_path": f"'{ROOT}'",
            "attr": "'temperature'",
            "dataset_id": "''",
            "attr_type": "'Number'",
            "ts": "moment",
            "ts_source": "'dateObserved'",
            "modified_at": "moment + INTERVAL 1 SECOND",
            "ingested_at": "moment + INTERVAL 2 SECOND",
            "seq": f"day * {self._readings} + reading",
            "op": "'set'",
            "kind": "'number'",
            "v_num": f"round(temperature + station % 41 / 10.0 + {noise}, 1)",
            "lat": "CASE station % 2 WHEN 0 THEN 47.6062 ELSE 37.7749 END",
            "lon": "CASE station % 2 WHEN 0 THEN -122.3321 ELSE -122.4194 END",
            "unit_code": "'FAH'",
            "idx": "1",
        }
        columns = ", ".join(
            f"CAST({values.get(column.name, 'NULL')} AS {column.type}) AS {column.name}"
            for column in COLUMNS
        )
        a_day = self._stations * each
        return f"""
            SELECT {columns} FROM (
                SELECT *, make_timestamp({begin_of(FIRST)} + day * {DAY} + reading * {step}) AS moment,
                    day * {HOURS} + reading * {HOURS} // {self._readings} AS hour
                FROM (
                    SELECT {days.start} + i // {a_day} AS day, i // {each} % {self._stations} AS station,
                        {readings.start} + i % {each} AS reading
                    FROM range({len(days) * a_day}) AS rows(i)
                )
            ) JOIN observed ON city = station % 2 AND place = (hour + station * 37) % 8759"""  # noqa: S608

    def _divide(self, rows: str, time: str, place: Path) -> None:
        """Write rows into a file for each day, in their order."""
        self._engine.execute("SET threads = 1")
        self._engine.execute(
            f"COPY (SELECT *, strftime({time}, '%Y-%m-%d') AS dt FROM ({rows}) "  # noqa: S608
            f"ORDER BY dt, entity_id, {time}) TO '{place}' ({_WRITTEN}, PARTITION_BY (dt))"
        )
        self._engine.execute("SET threads = 2")

    def _rollup(self, records: Sequence[Path], path: Path) -> Path:
        names = ", ".join(f"'{one}'" for one in records)
        query = HOURS_OF_RECORDS.replace("read_parquet(?)", f"read_parquet([{names}])")
        self._engine.execute(f"COPY ({query}) TO '{path}' ({_WRITTEN})")
        return path

    def _moved(self, rollup: Path, days: int, path: Path) -> Path:
        columns = ", ".join(
            f"{name} - INTERVAL {days} DAY AS {name}" if name in _MOVED else name
            for name in ROLLUP_COLUMNS
        )
        self._engine.execute(f"COPY (SELECT {columns} FROM '{rollup}') TO '{path}' ({_WRITTEN})")  # noqa: S608
        return path

    def _put(self, key: str, path: Path, *, time: str = "ts") -> File:
        text = f"SELECT count(*), epoch_us(min({time})), epoch_us(max({time})) FROM '{path}'"  # noqa: S608
        [(rows, first, last)] = self._engine.cursor().execute(text).fetchall()
        self._store.objects.put(key, path)
        return File(key, rows, path.stat().st_size, first, last)
