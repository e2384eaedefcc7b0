"""DynamoDB's wire format and its refusals."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from city import dynamodb
from city.dynamodb import (
    ConditionFailed,
    from_item,
    from_stream,
    to_item,
    transact,
    translated,
    write,
)
from city.errors import Contended, TooLarge, Unavailable
from city.faults import is_passing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
ROWS = st.dictionaries(st.text(min_size=1), VALUES | st.sets(st.text(), min_size=1))


@given(ROWS)
def test_a_row_survives_conversion(row: dynamodb.Row) -> None:
    assert from_item(to_item(row)) == row


def test_numbers_with_a_fraction_become_floats() -> None:
    assert from_item({"n": {"N": "1.5"}, "i": {"N": "12345678901234567890"}}) == {
        "n": 1.5,
        "i": 12345678901234567890,
    }


def test_binary_of_a_stream_event_is_base64() -> None:
    assert from_stream({"d": {"B": "aGk="}, "k": {"S": "E"}}) == {"d": b"hi", "k": "E"}


def test_binary_of_the_client_needs_no_decoding() -> None:
    assert from_stream({"d": {"B": b"hi"}}) == {"d": b"hi"}


def refusal(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}, **more}
    return ClientError(response, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
)
def test_capacity_errors_become_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), translated():
        raise error


def test_other_errors_pass_through() -> None:
    with pytest.raises(ClientError), translated():
        raise refusal("ValidationException")


class Scripted:
    """A client whose transactions fail with the given cancellation reasons, then succeed."""

    def __init__(self, *failures: list[str]) -> None:
        self.failures = list(failures)
        self.calls = 0

    def transact_write_items(self, **_: Any) -> None:
        self.calls += 1
        if self.failures:
            reasons = [{"Code": code} for code in self.failures.pop(0)]
            raise refusal("TransactionCanceledException", CancellationReasons=reasons)


def run(client: Any) -> None:
    transact(client, [{}, {}])


def test_a_transaction_that_meets_another_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "_FIRST_PAUSE", 0.0)
    client = Scripted(["None", "TransactionConflict"], ["TransactionConflict", "None"])
    run(client)
    assert client.calls == 3


def test_a_transaction_that_always_meets_others_is_contended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dynamodb, "_FIRST_PAUSE", 0.0)
    with pytest.raises(Contended):
        run(Scripted(*[["TransactionConflict"]] * 100))


def test_a_failed_condition_names_the_statement_and_wins_over_a_conflict() -> None:
    client = Scripted(["TransactionConflict", "ConditionalCheckFailed"])
    with pytest.raises(ConditionFailed) as caught:
        run(client)
    assert caught.value.found == {1: None}


def test_a_throttled_transaction_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        run(Scripted(["None", "ThrottlingError"]))


def test_a_transaction_refused_for_its_content_is_an_error() -> None:
    with pytest.raises(ClientError):
        run(Scripted(["ValidationError", "None"]))


def test_an_item_above_400_kb_is_too_large_alone_and_in_a_transaction(
    dynamodb: "DynamoDBClient", context_table: str
) -> None:
    row: dict[str, Any] = {"pk": {"S": "a"}, "sk": {"S": "b"}, "d": {"S": "x" * 400 * 1024}}
    put: Any = {"TableName": context_table, "Item": row}
    with pytest.raises(TooLarge, match="400 KB"):
        write(dynamodb.put_item, **put)
    with pytest.raises(TooLarge, match="400 KB"):
        transact(dynamodb, [{"Put": put}])


def test_a_transaction_says_which_item_is_too_large_among_its_reasons() -> None:
    """As AWS does; moto refuses the whole request."""

    class Refusing:
        def transact_write_items(self, **_: Any) -> None:
            message = "Item size to update has exceeded the maximum allowed size"
            reasons = [{"Code": "None"}, {"Code": "ValidationError", "Message": message}]
            raise refusal("TransactionCanceledException", CancellationReasons=reasons)

    with pytest.raises(TooLarge):
        run(Refusing())


@pytest.mark.parametrize(
    ("code", "reason", "passes"),
    [
        ("ValidationException", None, False),
        ("TransactionCanceledException", "ValidationError", False),
        ("TransactionCanceledException", "TransactionConflict", True),
        ("AccessDeniedException", None, True),
    ],
)
def test_a_refusal_of_content_does_not_pass_by_itself(
    code: str, reason: str | None, passes: bool
) -> None:
    reasons = [{"Code": "None"}, {"Code": reason}] if reason else []
    assert is_passing(refusal(code, CancellationReasons=reasons)) is passes


def meeting_transactions(times: int) -> Any:
    """A write that DynamoDB rejects so many times, because a transaction holds its item."""
    left = [refusal("TransactionConflictException")] * times

    def put_item(**_: Any) -> str:
        if left:
            raise left.pop()
        return "written"

    return put_item


def test_a_write_that_meets_a_transaction_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "_FIRST_PAUSE", 0.0)
    assert dynamodb.write(meeting_transactions(3)) == "written"


def test_a_write_that_always_meets_transactions_is_contended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dynamodb, "_FIRST_PAUSE", 0.0)
    with pytest.raises(Contended):
        dynamodb.write(meeting_transactions(100))


def test_a_failed_condition_returns_the_row_that_is_there(
    dynamodb: "DynamoDBClient", context_table: str
) -> None:
    row: dict[str, Any] = {"pk": {"S": "a"}, "sk": {"S": "b"}, "v": {"N": "7"}}
    dynamodb.put_item(TableName=context_table, Item=row)
    with pytest.raises(ConditionFailed) as caught:
        from_write(dynamodb, context_table, row)
    assert caught.value.found == {0: {"pk": "a", "sk": "b", "v": 7}}


def from_write(client: "DynamoDBClient", table: str, row: dict[str, Any]) -> None:
    dynamodb.write(
        client.put_item,
        TableName=table,
        Item=row,
        ConditionExpression="attribute_not_exists(pk)",
    )
