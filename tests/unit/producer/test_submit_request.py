"""Checks of documents before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from producer.errors import DocumentFileError
from producer.local_document import check_document, key_suffix, read_local_document
from producer.versions import dropped_job_id
from schemas.document import DocumentRef, bucket_and_key
from schemas.job import JOB_ID
from storage.objects import ObjectInfo

MODIFIED = datetime(2025, 5, 3, 12, 0, 0, tzinfo=UTC)
LIMIT = 10


def _drop(
    uri: str = "s3://incoming/a.pdf", etag: str = "e1", modified_at: datetime = MODIFIED
) -> ObjectInfo:
    return ObjectInfo(uri=uri, size=1, etag=etag, modified_at=modified_at)


def test_same_object_version_is_the_same_job_however_its_time_is_written() -> None:
    """Fractions of a second and time zones do not count: two listings may differ in them."""
    elsewhere = MODIFIED.astimezone(timezone(timedelta(hours=2))) + timedelta(milliseconds=900)
    assert dropped_job_id(_drop()) == dropped_job_id(_drop(modified_at=elsewhere))
    assert JOB_ID.fullmatch(dropped_job_id(_drop()))


def test_another_key_another_content_and_another_upload_are_other_jobs() -> None:
    """Bucket and key are kept apart too."""
    drops = [
        _drop(),
        _drop(uri="s3://incoming/b.pdf"),
        _drop(uri="s3://incomin/g/a.pdf"),
        _drop(etag="e2"),
        _drop(modified_at=MODIFIED + timedelta(seconds=1)),
    ]
    assert len({dropped_job_id(drop) for drop in drops}) == len(drops)


@pytest.mark.parametrize("key", ["?a.pdf", "#1", "a b/100%/+é.pdf", "a//b", " "])
def test_any_key_makes_a_uri(key: str) -> None:
    """S3 allows what URLs give a meaning to."""
    ref = DocumentRef(uri=f"s3://incoming/{key}")
    assert bucket_and_key(ref.uri) == ("incoming", key)


@pytest.mark.parametrize(
    "uri", ["incoming/a", "s3://", "s3://incoming", "s3://incoming/", "s3:///a"]
)
def test_what_names_no_object_is_no_uri(uri: str) -> None:
    """Bucket and key have to be there."""
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        DocumentRef(uri=uri)


@pytest.mark.parametrize(
    "uri",
    ["s3://incoming/a\0b", "s3://in coming/a", "s3://in\0/a", "s3://incoming/" + "é" * 513],
    ids=["nul", "blank", "nul-in-bucket", "long"],
)
def test_what_no_store_can_have_is_refused_at_the_door(uri: str) -> None:
    """Such a URI would be asked for again and again, without success."""
    with pytest.raises(ValidationError, match=r"no NUL|is no bucket"):
        DocumentRef(uri=uri)


def test_a_file_that_cannot_be_a_document_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Missing, empty, too large, and a folder: each says what it is, in one line."""
    empty, large = tmp_path / "empty.pdf", tmp_path / "large.pdf"
    empty.touch()
    large.write_bytes(b"x" * (LIMIT + 1))
    for path, reason in [
        (tmp_path / "no.pdf", "does not exist"),
        (empty, "is empty"),
        (large, "limits.document_bytes"),
        (tmp_path, "is no file"),
        (empty / "below", "cannot be read"),
    ]:
        with pytest.raises(DocumentFileError, match=reason) as caught:
            check_document(path, max_bytes=LIMIT)
        assert "\n" not in str(caught.value)


def test_a_file_within_the_limit_is_read(tmp_path: Path) -> None:
    """To the last byte."""
    path = tmp_path / "claim.pdf"
    path.write_bytes(b"x" * LIMIT)
    assert read_local_document(path, max_bytes=LIMIT) == b"x" * LIMIT


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.pdf", ".pdf"), ("a.PDF", ".pdf"), ("a", ""), ("a.p f", ""), (".pdf", ""), ("a.é", "")],
)
def test_only_a_plain_suffix_comes_into_the_key(name: str, suffix: str) -> None:
    """Other characters of a name do not belong into keys."""
    assert key_suffix(Path(name)) == suffix
