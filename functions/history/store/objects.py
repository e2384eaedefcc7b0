"""Objects in the history bucket: every call of S3.

At list price a PUT costs $5.00 per million, a GET $0.40, a deletion nothing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from city.dynamodb import error_code
from city.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS_PER_DELETION = 1000

_GONE = frozenset({"NoSuchKey", "404"})
_BUSY = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown", "503"}
)


class Objects:
    """The bucket; safe for threads. Every method raises Unavailable when S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def put(self, key: str, body: bytes | Path) -> None:
        """Write an object, or replace it; whoever reads then finds it."""
        with translated():
            if isinstance(body, bytes):
                self._client.put_object(Bucket=self.bucket, Key=key, Body=body)
            else:
                self._client.upload_file(str(body), self.bucket, key)

    def get(self, key: str) -> bytes:
        """The content of an object. Raises NotFound."""
        with translated():
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def get_file(self, key: str, path: Path) -> None:
        """Copy an object into a local file. Raises NotFound."""
        with translated():
            self._client.download_file(self.bucket, key, str(path))

    def size(self, key: str) -> int:
        """The bytes of an object. Raises NotFound."""
        with translated():
            return self._client.head_object(Bucket=self.bucket, Key=key)["ContentLength"]

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no fault. Raises Unavailable for the rest."""
        gone = list(keys)
        for start in range(0, len(gone), KEYS_PER_DELETION):
            some = [{"Key": key} for key in gone[start : start + KEYS_PER_DELETION]]
            with translated():
                answer = self._client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": some, "Quiet": True},  # type: ignore[typeddict-item]  # a list of keys is what it takes
                )
            if failed := answer.get("Errors"):
                raise Unavailable(f"an object could not be deleted: {failed[0].get('Code')}")

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys that start with a prefix, 1,000 a call. Not for requests: the ledger knows."""
        with translated():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (found["Key"] for found in page.get("Contents", []))

    def url(self, key: str, seconds: int, filename: str) -> str:
        """An address where anybody may download the object for so long, as a file of that name."""
        disposition = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "ResponseContentDisposition": disposition,
            },
            ExpiresIn=seconds,
        )

    def s3_uri(self, key: str) -> str:
        """Where the object is, as DuckDB and Athena name it."""
        return f"s3://{self.bucket}/{key}"


@contextmanager
def translated() -> Iterator[None]:
    """Turn S3's refusals into NotFound and Unavailable; the rest passes through."""
    from botocore import exceptions  # noqa: PLC0415 - only functions that call AWS pay for it

    try:
        yield
    except exceptions.ClientError as error:
        code = error_code(error)
        if code in _GONE:
            raise NotFound("there is no such object") from error
        if code in _BUSY:
            raise Unavailable("the object store is at its capacity limit; try again") from error
        raise
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unavailable("the object store does not answer; try again") from error
