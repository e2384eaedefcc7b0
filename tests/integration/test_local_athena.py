"""The local Athena endpoint, asked by boto3 over HTTP, on files that the history's own writer made."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from city import aws
from city.tenancy import ServicePath, Tenant
from history import names
from history.recording import parquet
from history.records import Record, Series
from tests.conftest import create_history_bucket
from tests.local_athena import LocalAthena

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TYPE = "WeatherObserved"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = f"service = 'athens' AND type = '{TYPE}'"


def micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def record(
    station: str, hour: int, value: object, seq: int = 1, attribute: str = "temperature"
) -> Record:
    moment = micros(DAY + timedelta(hours=hour))
    return Record(
        series=Series(TYPE, station, ServicePath("/")), attribute=attribute, attribute_type="Number", ts=moment,
        ts_source="observedAt", modified=moment, ingested=moment, seq=seq, op="set", value=value,  # type: ignore[arg-type]  # values of every kind
        position=(23.7, 37.9),
    )  # fmt: skip


RECORDS = [
    *(record("north", hour, 10 + hour / 2) for hour in range(48)),
    *(record("south", hour, 20) for hour in range(24)),
    record("south", 5, 21.5, seq=2),
    record("south", 6, {"a": {"b": "deep", "c": [1]}}, seq=2),
    record("south", 7, "", seq=2),
    record("south", 8, True, seq=2),
    record("south", 9, None, seq=2),
    *(record("north", hour, 100 + hour, attribute="noise") for hour in range(24)),
]


def put(s3: "S3Client", bucket: str, tenant: str, records: list[Record]) -> None:
    days: dict[datetime, list[Record]] = {}
    for one in records:
        moment = datetime.fromtimestamp(one.ts / 1_000_000, UTC)
        days.setdefault(moment.replace(hour=0, minute=0), []).append(one)
    for day, some in days.items():
        key = names.day_key(Tenant(tenant), TYPE, day.date(), names.new_name("c"))
        s3.put_object(Bucket=bucket, Key=key, Body=parquet.parquet_of(some))


@pytest.fixture(scope="module")
def athena(s3_endpoint: str) -> Iterator[LocalAthena]:
    s3 = aws.client("s3")
    bucket = create_history_bucket(s3)
    put(s3, bucket, "athens", RECORDS)
    put(s3, bucket, "", [record("north", 0, 1)])
    with LocalAthena.over(s3, bucket, s3_endpoint) as endpoint:
        yield endpoint


def test_result_has_a_header_and_text(athena: LocalAthena) -> None:
    found = athena.rows(
        f"SELECT entity_id, ts, v_num, seq, v_bool FROM history WHERE {SCOPE} "
        "AND dt = '2026-03-01' AND entity_id = 'south' AND hour(ts) IN (5, 8) ORDER BY ts, seq"
    )
    assert found == [
        ("entity_id", "ts", "v_num", "seq", "v_bool"),
        ("south", "2026-03-01 05:00:00.000", "20.0", "1", None),
        ("south", "2026-03-01 05:00:00.000", "21.5", "2", None),
        ("south", "2026-03-01 08:00:00.000", "20.0", "1", None),
        ("south", "2026-03-01 08:00:00.000", None, "2", "true"),
    ]


def test_null_and_empty_text_stay_apart(athena: LocalAthena) -> None:
    [_, found] = athena.rows(
        f"SELECT v_str, v_json FROM history WHERE {SCOPE} AND dt = '2026-03-01' AND kind = 'string'"
    )
    assert found == ("", None)


def test_types_are_athenas(athena: LocalAthena) -> None:
    id = athena.start(
        "SELECT count(*), avg(v_num) AS mean, max(ts) AS latest, entity_id, dt "
        f"FROM history WHERE {SCOPE} AND dt = '2026-03-01' GROUP BY entity_id, dt"
    )
    athena.ended(id)
    answer = athena.client.get_query_results(QueryExecutionId=id)
    columns = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Name"], column["Type"]) for column in columns] == [
        ("_col0", "bigint"),
        ("mean", "double"),
        ("latest", "timestamp"),
        ("entity_id", "varchar"),
        ("dt", "varchar"),
    ]


def test_star_shows_the_columns_of_the_table_in_order(athena: LocalAthena) -> None:
    [header] = athena.rows(f"SELECT * FROM history WHERE {SCOPE} AND dt = '2026-02-01'")
    assert header == (*(column.name for column in parquet.COLUMNS), "service", "type", "dt")


def test_path_of_a_row_is_that_of_its_object(athena: LocalAthena) -> None:
    [_, [path]] = athena.rows(
        f"""SELECT DISTINCT "$path" FROM history WHERE {SCOPE} AND dt = '2026-03-02'"""
    )
    assert path is not None
    assert path.startswith("s3://history-")
    assert f"/history/v1/service=athens/type={TYPE}/dt=2026-03-02/c-" in path
    counted = athena.rows(f"SELECT count(*) FROM history WHERE {SCOPE} AND \"$path\" = '{path}'")
    assert counted[1] == ("24",)


def test_partition_columns_have_the_values_of_the_path(athena: LocalAthena) -> None:
    found = athena.rows(
        "SELECT service, type, dt, count(*) FROM history "
        f"WHERE service IN ('athens', '~') AND type = '{TYPE}' AND dt >= '2026-03-01' "
        "GROUP BY service, type, dt ORDER BY service, dt"
    )
    assert found[1:] == [
        ("athens", TYPE, "2026-03-01", "77"),
        ("athens", TYPE, "2026-03-02", "24"),
        ("~", TYPE, "2026-03-01", "1"),
    ]


@pytest.mark.parametrize(
    "condition",
    [
        f"type = '{TYPE}'",
        "service = 'athens'",
        f"service LIKE 'ath%' AND type = '{TYPE}'",
        f"service > 'a' AND type = '{TYPE}'",
        f"(service = 'athens' OR v_num > 1) AND type = '{TYPE}'",
        f"lower(service) = 'athens' AND type = '{TYPE}'",
        f"service <> 'athens' AND type = '{TYPE}'",
    ],
)
def test_query_without_tenant_and_type_as_literals_fails(
    athena: LocalAthena, condition: str
) -> None:
    reason = athena.reason(f"SELECT count(*) FROM history WHERE {condition} AND dt = '2026-03-01'")
    column = "type" if condition.startswith("service = ") else "service"
    assert reason.startswith(
        f"CONSTRAINT_VIOLATION: For the injected projected partition column {column}, the WHERE clause"
    )


def test_every_mention_of_the_table_needs_its_own_literals(athena: LocalAthena) -> None:
    reason = athena.reason(
        "SELECT count(*) FROM history AS a JOIN history AS b ON a.entity_id = b.entity_id "
        f"WHERE a.service = 'athens' AND a.type = '{TYPE}' AND a.dt = '2026-03-01'"
    )
    assert reason.startswith("CONSTRAINT_VIOLATION")


def test_literals_reach_a_table_in_a_subquery(athena: LocalAthena) -> None:
    query = f"WITH own AS (SELECT * FROM history) SELECT count(*) FROM own WHERE {SCOPE} AND dt = '2026-03-01'"
    assert athena.rows(query)[1] == ("77",)


def test_only_the_days_and_columns_that_are_asked_for_are_read(athena: LocalAthena) -> None:
    def scanned(columns: str, days: str) -> int:
        query = f"SELECT {columns} FROM history WHERE {SCOPE} AND dt {days}"
        statistics = athena.ended(athena.start(query))["Statistics"]
        return int(statistics["DataScannedInBytes"])

    narrow = scanned("count(v_num)", "= '2026-03-01'")
    assert 0 < narrow < scanned("*", "= '2026-03-01'") < scanned("*", ">= '2026-03-01'")
    assert scanned("*", "= '2026-02-01'") == 0


def test_days_may_be_computed(athena: LocalAthena) -> None:
    query = (
        f"SELECT count(*) FROM history WHERE {SCOPE} "
        "AND dt > cast(date_add('day', -1, date '2026-03-02') AS varchar) "
        "AND dt <= date_format(timestamp '2026-03-02 10:00:00', '%Y-%m-%d')"
    )
    assert athena.rows(query)[1] == ("24",)


def test_parameters_take_the_place_of_question_marks(athena: LocalAthena) -> None:
    found = athena.rows(
        "SELECT count(*) FROM history WHERE service = ? AND type = ? AND dt BETWEEN ? AND ? "
        "AND v_num >= ? AND ts < ?",
        "'athens'", f"'{TYPE}'", "'2026-03-01'", "'2026-03-02'", "33", "TIMESTAMP '2026-03-02 23:00:00'",
    )  # fmt: skip
    assert found[1] == ("25",)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (["'a'"], "INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected 2 but found 1"),
        (["'a'", "athens"], "INVALID_PARAMETER_USAGE: A parameter is a constant, which athens is not"),
        (["'a'", "1 OR 1 = 1"], "INVALID_PARAMETER_USAGE: A parameter is a constant, which 1 OR 1 = 1 is not"),
        (["'a'", "'b' OR ''"], "INVALID_PARAMETER_USAGE: A parameter is a constant"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit(
    athena: LocalAthena, parameters: list[str], reason: str
) -> None:
    query = "SELECT count(*) FROM history WHERE service = ? AND type = ?"
    assert athena.reason(query, *parameters).startswith(reason)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nothing FROM history", "COLUMN_NOT_FOUND"),
        ("SELECT 1 FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELECT date_trunc('hour', ts) AS h FROM history GROUP BY h", "COLUMN_NOT_FOUND"),
        ("SELECT 1 LIMIT 1 OFFSET 1", "SYNTAX_ERROR"),
        ("SELECT seq::varchar FROM history", "SYNTAX_ERROR"),
        ("SELECT entity_id FROM history WHERE entity_id ILIKE 'a'", "SYNTAX_ERROR"),
        ("SELECT entity_id FROM history QUALIFY row_number() OVER () = 1", "SYNTAX_ERROR"),
        ("SELECT strftime(ts, '%Y') FROM history", "FUNCTION_NOT_FOUND"),
        ("SELECT list_sum(array[1])", "FUNCTION_NOT_FOUND"),
        ("SELECT left(entity_id, 1) FROM history", "FUNCTION_NOT_FOUND"),
        ("SELECT to_iso8601(ts) FROM history", "FUNCTION_NOT_FOUND"),
        ("SELECT 1 FROM history WHERE ts > '2026-03-01'", "TYPE_MISMATCH"),
        ("SELECT 1 FROM history WHERE dt = date '2026-03-01'", "TYPE_MISMATCH"),
        ("SELECT 1 FROM history WHERE v_num IN ('1', '2')", "TYPE_MISMATCH"),
        ("SELECT cast('x' AS bigint)", "INVALID_CAST_ARGUMENT"),
        ("SELECT", "SYNTAX_ERROR"),
        ("SELECT 'open", "SYNTAX_ERROR"),
        ("DROP TABLE history", "NOT_SUPPORTED"),
        ("CREATE TABLE copy AS SELECT 1 AS one", "NOT_SUPPORTED"),
    ],
)  # fmt: skip
def test_what_athena_would_not_run_fails_by_name(
    athena: LocalAthena, query: str, reason: str
) -> None:
    assert athena.reason(query).startswith(f"{reason}: ")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 / 2.0e0", "3.5"),
        ("1e7", "1.0E7"),
        ("0.0001e0", "1.0E-4"),
        ("123456.75e0", "123456.75"),
        ("date_diff('hour', timestamp '2026-01-01 10:59:00', timestamp '2026-01-01 11:01:00')", "0"),
        ("date_diff('day', date '2026-01-01', date '2026-03-01')", "59"),
        ("date_add('month', 1, timestamp '2026-01-31 00:00:00')", "2026-02-28 00:00:00.000"),
        ("date_trunc('week', timestamp '2026-03-01 10:00:00')", "2026-02-23 00:00:00.000"),
        ("day_of_week(date '2026-03-01')", "7"),
        ("date_format(timestamp '2026-03-01 09:05:07', '%Y-%m-%d %H:%i:%s')", "2026-03-01 09:05:07"),
        ("cast(timestamp '2026-03-01 09:05:07' AS varchar)", "2026-03-01 09:05:07.000"),
        ("cast(timestamp '2026-03-28 23:30:00' AT TIME ZONE 'Europe/Rome' AS date)", "2026-03-29"),
        ("hour(timestamp '2026-03-29 01:30:00' AT TIME ZONE 'Europe/Rome')", "3"),
        ("to_unixtime(timestamp '1970-01-02 00:00:00')", "86400.0"),
        ("cast(from_unixtime(86400) AS date)", "1970-01-02"),
        ("concat('a', NULL)", None),
        ("'a' || NULL", None),
        ("substr('history', 1, 4)", "hist"),
        ("strpos('history', 's')", "3"),
        ("split_part('a/b/c', '/', 2)", "b"),
        ("regexp_like('urn:a:1', '^urn:')", "true"),
        ("regexp_extract('urn:a:12', '(\\d+)$', 1)", "12"),
        ("""json_extract_scalar('{"a": {"b": 1}}', '$.a.b')""", "1"),
        ("""json_extract_scalar('{"a": {"b": 1}}', '$.a')""", None),
        ("try_cast('x' AS double)", None),
        ("greatest(1, 3, 2)", "3"),
        ("cardinality(array[1, 2])", "2"),
        ("array[1.5e0, NULL]", "[1.5, null]"),
        ("round(2.345e0, 1)", "2.3"),
        ("mod(7, 3)", "1"),
    ],
)  # fmt: skip
def test_functions_mean_what_they_mean_to_athena(
    athena: LocalAthena, expression: str, shown: str | None
) -> None:
    assert athena.rows(f"SELECT {expression}") == [("_col0",), (shown,)]


AGGREGATES = """
    SELECT max_by(x, y), count(x), count(DISTINCT z), approx_percentile(y, 0.5), count_if(y > 2),
        sum(y) / count(*), array_agg(y ORDER BY y), avg(y) FILTER (WHERE y > 1)
    FROM (VALUES (1, 1, 'a'), (2, 2, 'a'), (NULL, 3, 'b')) AS t(x, y, z)
"""


def test_aggregates_mean_what_they_mean_to_athena(athena: LocalAthena) -> None:
    assert athena.rows(AGGREGATES)[1] == (None, "2", "2", "2.0", "1", "2", "[1, 2, 3]", "2.5")


def test_a_query_is_followed_from_start_to_end(athena: LocalAthena) -> None:
    before = time.time()
    id = athena.start("SELECT 1 AS one")
    execution = athena.ended(id)
    assert execution["QueryExecutionId"] == id
    assert execution["Query"] == "SELECT 1 AS one"
    assert execution["StatementType"] == "DML"
    assert execution["WorkGroup"] == "city-history"
    assert execution["QueryExecutionContext"]["Database"] == "city_history"
    assert execution["ResultConfiguration"]["OutputLocation"].endswith(f"/results/{id}.csv")
    assert before - 1 < execution["Status"]["SubmissionDateTime"].timestamp() < time.time() + 1
    assert execution["Statistics"]["DataScannedInBytes"] == 0
    assert id in athena.client.list_query_executions(WorkGroup="city-history")["QueryExecutionIds"]


def test_result_is_a_file_in_the_work_groups_location(athena: LocalAthena, s3: "S3Client") -> None:
    id = athena.start("SELECT 'say \"hi\"' AS word, cast(NULL AS varchar) AS nothing, '' AS empty")
    location = athena.ended(id)["ResultConfiguration"]["OutputLocation"]
    bucket, _, key = location.removeprefix("s3://").partition("/")
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert content == '"word","nothing","empty"\n"say ""hi""",,""\n'
    assert s3.head_object(Bucket=bucket, Key=f"{key}.metadata")["ContentLength"] > 0


def test_the_work_groups_location_is_enforced(athena: LocalAthena) -> None:
    elsewhere = {"OutputLocation": "s3://elsewhere/"}
    id = athena.start("SELECT 1", ResultConfiguration=elsewhere)
    location = athena.ended(id)["ResultConfiguration"]["OutputLocation"]
    assert not location.startswith("s3://elsewhere/")


def test_results_come_in_pages(athena: LocalAthena) -> None:
    id = athena.start("SELECT x FROM UNNEST(sequence(1, 5)) AS t(x) ORDER BY x DESC")
    athena.ended(id)
    first = athena.client.get_query_results(QueryExecutionId=id, MaxResults=4)
    rest = athena.client.get_query_results(QueryExecutionId=id, NextToken=first["NextToken"])
    shown = [
        row["Data"][0]["VarCharValue"]
        for page in (first, rest)
        for row in page["ResultSet"]["Rows"]
    ]
    assert shown == ["x", "5", "4", "3", "2", "1"]
    assert "NextToken" not in rest


def test_same_token_starts_one_query(athena: LocalAthena) -> None:
    def start(query: str) -> str:
        return athena.client.start_query_execution(
            QueryString=query, WorkGroup="city-history", ClientRequestToken="t" * 32
        )["QueryExecutionId"]

    assert start("SELECT 1") == start("SELECT 1")
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        start("SELECT 2")


def test_more_bytes_than_the_work_group_allows_cancel_the_query(
    athena: LocalAthena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(athena.workgroup["Configuration"], "BytesScannedCutoffPerQuery", 100)
    execution = athena.ended(
        athena.start(f"SELECT * FROM history WHERE {SCOPE} AND dt = '2026-03-01'")
    )
    assert execution["Status"]["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in execution["Status"]["StateChangeReason"]
    with pytest.raises(ClientError, match="CANCELLED"):
        athena.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])


def test_failure_is_the_users(athena: LocalAthena) -> None:
    status = athena.ended(athena.start("SELECT nothing FROM history"))["Status"]
    assert status["AthenaError"]["ErrorCategory"] == 2
    assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]


def test_running_query_is_stopped(athena: LocalAthena) -> None:
    endless = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x), UNNEST(sequence(1, 10000000)) AS b(y) WHERE mod(x * y, 7) = 9"
    id = athena.start(endless)
    while (
        athena.client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"]
        == "QUEUED"
    ):
        pass
    athena.client.stop_query_execution(QueryExecutionId=id)
    assert athena.ended(id)["Status"]["State"] == "CANCELLED"


def test_comment_in_a_parameter_hides_nothing(athena: LocalAthena) -> None:
    query = "SELECT count(*) FROM history WHERE service = ? AND type = 'Nothing'"
    assert athena.rows(query, "'athens' -- ")[1] == ("0",)


def test_several_executions_are_shown_at_once(athena: LocalAthena) -> None:
    id = athena.start("SELECT 1")
    athena.ended(id)
    answer = athena.client.batch_get_query_execution(QueryExecutionIds=[id, "unknown"])
    assert [found["QueryExecutionId"] for found in answer["QueryExecutions"]] == [id]
    assert [lost["QueryExecutionId"] for lost in answer["UnprocessedQueryExecutionIds"]] == [
        "unknown"
    ]


def test_work_group_is_the_templates(athena: LocalAthena) -> None:
    found = athena.client.get_work_group(WorkGroup="city-history")["WorkGroup"]
    configuration = found["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    assert configuration["ResultConfiguration"]["OutputLocation"].endswith("/results/")


def test_unknown_execution_is_refused(athena: LocalAthena) -> None:
    with pytest.raises(ClientError, match="QueryExecution nothing was not found"):
        athena.client.get_query_execution(QueryExecutionId="nothing")


def test_unload_writes_parquet_once(athena: LocalAthena, s3: "S3Client") -> None:
    bucket = athena.workgroup["Configuration"]["ResultConfiguration"]["OutputLocation"].split("/")[
        2
    ]
    unload = (
        f"UNLOAD (SELECT entity_id, v_num FROM history WHERE {SCOPE} AND dt = '2026-03-02') "
        f"TO 's3://{bucket}/exports/march/' WITH (format = 'PARQUET')"
    )
    execution = athena.ended(athena.start(unload))
    assert execution["SubstatementType"] == "UNLOAD"
    manifest = execution["Statistics"]["DataManifestLocation"].removeprefix(f"s3://{bucket}/")
    [file] = s3.get_object(Bucket=bucket, Key=manifest)["Body"].read().decode().splitlines()
    content = s3.get_object(Bucket=bucket, Key=file.removeprefix(f"s3://{bucket}/"))["Body"].read()
    assert content.startswith(b"PAR1")
    assert athena.reason(unload).startswith("HIVE_PATH_ALREADY_EXISTS")
