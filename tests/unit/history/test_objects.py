"""Objects of the history bucket."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError, EndpointConnectionError

from city import aws
from city.errors import NotFound, Unavailable
from history.store.objects import Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def objects(s3: "S3Client", history_bucket: str) -> Objects:
    return Objects(s3, history_bucket)


class Failing:
    """An S3 that answers every call with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _name: str) -> Any:
        def call(**_: object) -> None:
            raise self._error

        return call


def test_object_is_read_as_it_was_written_last(objects: Objects, tmp_path: Path) -> None:
    objects.put("a", b"one")
    objects.put("a", b"two!")
    assert (objects.get("a"), objects.size("a")) == (b"two!", 4)
    objects.get_file("a", tmp_path / "a")
    objects.put("b", tmp_path / "a")
    assert objects.get("b") == b"two!"


def test_missing_object_is_not_found(objects: Objects, tmp_path: Path) -> None:
    for read in (
        lambda: objects.get("a"),
        lambda: objects.size("a"),
        lambda: objects.get_file("a", tmp_path / "a"),
    ):
        with pytest.raises(NotFound):
            read()


def test_deleting_takes_any_number_and_what_is_not_there(objects: Objects) -> None:
    for number in range(3):
        objects.put(f"a/{number}", b"")
    objects.put("b", b"")
    objects.delete_many([f"a/{number}" for number in range(1500)])
    objects.delete_many([])
    assert [*objects.keys("")] == ["b"]


def test_link_downloads_under_its_file_name(objects: Objects) -> None:
    query = parse_qs(urlsplit(objects.url("a", 60, "Zähler 1.csv")).query)
    assert query["response-content-disposition"] == [
        "attachment; filename*=UTF-8''Z%C3%A4hler%201.csv"
    ]


def test_uri_names_the_bucket(objects: Objects) -> None:
    assert objects.s3_uri("a/b") == f"s3://{objects.bucket}/a/b"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"), Unavailable),
        (EndpointConnectionError(endpoint_url="https://s3.invalid"), Unavailable),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject"), ClientError),
    ],
)
def test_refusals_that_pass_are_told_from_those_that_stay(
    error: Exception, expected: type[Exception]
) -> None:
    client: Any = Failing(error)
    with pytest.raises(expected):
        Objects(client, "bucket").put("a", b"")


def test_object_that_cannot_be_deleted_is_not_passed_over() -> None:
    class Refusing:
        def delete_objects(self, **_: object) -> dict[str, Any]:
            return {"Errors": [{"Key": "a", "Code": "InternalError"}]}

    client: Any = Refusing()
    with pytest.raises(Unavailable, match="InternalError"):
        Objects(client, "bucket").delete_many(["a"])


def test_link_leads_to_the_region_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address without a region knows no bucket in regions opened since 2019."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    monkeypatch.setattr(aws, "_session", Session)
    fresh: Any = aws.client
    link = Objects(fresh.__wrapped__("s3"), "city").url("exports/a", 900, "a.csv")
    assert urlsplit(link).netloc == "city.s3.eu-south-1.amazonaws.com"
