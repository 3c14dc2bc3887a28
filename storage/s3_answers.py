"""Content of S3's answers; a LookupError here means an invalid answer."""

from __future__ import annotations

from collections.abc import Mapping
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from storage.errors import BadAnswerError
from storage.objects import ObjectInfo, ObjectVersion
from storage.s3_calls import is_missing, is_page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def etag_of(answer: Mapping[str, Any]) -> str:
    """Return the ETag of an answer, without quotes."""
    return str(answer["ETag"]).strip('"')


def version_of(answer: Mapping[str, Any]) -> ObjectVersion:
    """Return the version in an answer to GET or HEAD."""
    return ObjectVersion(
        etag_of(answer),
        int(answer["ContentLength"]),
        answer.get("VersionId"),
        {name: _decoded(text) for name, text in answer.get("Metadata", {}).items()},
    )


def _decoded(text: str) -> str:
    """Return a value of the metadata; S3 encodes non-ASCII values by RFC 2047."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return text


def info_of(bucket: str, entry: Mapping[str, Any]) -> ObjectInfo:
    """Return an entry of a listing."""
    return ObjectInfo(
        uri=f"s3://{bucket}/{entry['Key']}",
        size=entry["Size"],
        etag=etag_of(entry),
        modified_at=entry["LastModified"],
        version_id=entry.get("VersionId"),
    )


def check_listing(answer: Mapping[str, Any]) -> None:
    """Raise LookupError when an answer is no listing: it would look like an empty one."""
    answer["IsTruncated"]


def check_no_page(answer: Mapping[str, Any]) -> None:
    """Raise BadAnswerError when an answer without content is an HTML page."""
    if is_page(answer):
        raise BadAnswerError("a page for people is no answer")


def check_range(answer: Mapping[str, Any], offset: int, data: bytes) -> None:
    """Raise BadAnswerError unless an answer holds the range that it names, from an offset on."""
    said = str(answer["ContentRange"])
    if not said.startswith(f"bytes {offset}-{offset + len(data) - 1}/"):
        raise BadAnswerError(f"{len(data)} bytes from {offset} on came as {said!r}")


def check_written(
    client: S3Client, bucket: str, key: str, *, etag: str, replaced: str | None = None
) -> None:
    """Raise BadAnswerError unless an object that the store claims to have written is there.

    Args:
        client: The boto3 client.
        bucket: The bucket.
        key: The object's key.
        etag: ETag in the store's answer.
        replaced: ETag of the earlier object, if known.
    """
    try:
        found = etag_of(client.head_object(Bucket=bucket, Key=key))
    except ClientError as error:
        if is_missing(error):
            words = f"s3://{bucket}/{key} was answered as written and is not there"
            raise BadAnswerError(words) from error
        raise
    if found == replaced != etag:
        raise BadAnswerError(f"s3://{bucket}/{key} was answered as replaced and is as before")
