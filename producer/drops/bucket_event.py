"""Bucket events: an object store's messages about new objects. Pure.

An event may be lost, late, repeated or out of order, so it only says where to look; the object
itself decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

_MOST_ENVELOPES = 2
"""Maximum depth of SNS envelopes in each other; more is an attack."""
_MOST_BYTES = 1024
"""Maximum bytes of a key before it is encoded."""
_SEAWEED_BUCKETS = "/buckets/"
_SEAWEED_VERSION = re.compile(r"(.+)\.versions/v_([0-9a-f]{32})")
"""Path of an object's version in SeaweedFS; S3 knows the version by the object's key."""
_SEAWEED_CREATES = frozenset({"create", "update", "rename"})
_CREATED = "ObjectCreated:"
_EVENT_MAJOR = "2"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """One object of an event.

    Attributes:
        bucket: The object's bucket.
        keys: Its key. When the sender may or may not have encoded it, first the decoded key and
            then the key as sent.
        version_id: Version id, for a bucket with versions.
        etag: ETag without quotes; no MD5 for an upload in parts.
        sequencer: Order of the events of one key, compared as hexadecimal numbers.
        size: Size in bytes.
    """

    bucket: str
    keys: tuple[str, ...]
    version_id: str | None = None
    etag: str | None = None
    sequencer: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class EventReading:
    """Content of one message, which may carry many records.

    Attributes:
        created: The objects to look at, each once.
        passed: Reasons why parts of it need no action: tests, deletions, folders.
        refused: Reasons why parts of it are not understood.
    """

    created: tuple[ObjectCreated, ...] = ()
    passed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class _RefusedError(Exception):
    """The message is not understood."""


class _PassedError(Exception):
    """The message needs no action."""


def read_event(body: str | bytes) -> EventReading:
    """Read a message; accept any text.

    Args:
        body: S3's own notification, as it is or in SNS' envelope, EventBridge's event, MinIO's
            notification, or the body of SeaweedFS' webhook; JSON.
    """
    try:
        return _read(json.loads(body), _MOST_ENVELOPES)
    except (ValueError, RecursionError):
        return EventReading(refused=("this is no JSON",))


def is_noise(key: str) -> bool:
    """Tell whether a key is a folder or a part of an unfinished upload, and so no document."""
    return not key or key.endswith("/") or key.startswith(".uploads/")


def _read(event: Any, envelopes: int) -> EventReading:
    reading = _refused("this is no event of S3, SNS, EventBridge, MinIO or SeaweedFS that is known")
    match event:
        case {"Type": "Notification", "Message": str(message)} if envelopes:
            reading = _read(json.loads(message), envelopes - 1)
        case {"Type": str(kind), "TopicArn": _}:
            reading = _refused(f"an SNS message of the type {kind[:40]!r} is no event")
        case {"Event": "s3:TestEvent"}:
            reading = EventReading(passed=("a test of S3",))
        case {"source": "aws.s3", "detail-type": kind, "detail": detail}:
            reading = _gather([partial(_bridged, kind, detail)])
        case {"Records": list(records)}:
            reading = _gather([partial(_record, record) for record in records])
        case {"event_type": str(kind), "key": str(path)}:
            reading = _seaweed(kind, path, event.get("message"))
    return reading


def _refused(reason: str) -> EventReading:
    return EventReading(refused=(reason,))


def _gather(readers: Iterable[Callable[[], ObjectCreated]]) -> EventReading:
    created: dict[ObjectCreated, None] = {}
    passed, refused = [], []
    for reader in readers:
        try:
            created[reader()] = None
        except _PassedError as reason:
            passed.append(str(reason))
        except _RefusedError as reason:
            refused.append(str(reason))
    return EventReading(tuple(created), tuple(passed), tuple(refused))


def _record(record: Any) -> ObjectCreated:
    """Read one record of S3 or MinIO; old and other senders leave many fields out."""
    match record:
        case {"s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)} as entry}}:
            _check_origin(record)
            _check_kind(str(record.get("eventName", _CREATED)).removeprefix("s3:"), _CREATED)
            return _created(bucket, _decoded(key), entry)
    raise _RefusedError("a record names no bucket and key")


def _check_origin(record: Mapping[str, Any]) -> None:
    source = str(record.get("eventSource", "aws:s3"))
    if not source.endswith(":s3"):
        raise _RefusedError(f"a record is of {source[:40]!r}, not of S3")
    version = str(record.get("eventVersion", _EVENT_MAJOR))
    if version.partition(".")[0] != _EVENT_MAJOR:  # minor versions only add fields
        raise _RefusedError(f"version {version[:20]!r} of S3's events is not known")


def _bridged(kind: Any, detail: Any) -> ObjectCreated:
    """Read an EventBridge event; its keys are not encoded."""
    _check_kind(str(kind), "Object Created")
    match detail:
        case {"bucket": {"name": str(bucket)}, "object": {"key": str(key)} as entry}:
            return _created(bucket, (key,), entry)
    raise _RefusedError("EventBridge's event names no bucket and key")


def _check_kind(kind: str, created: str) -> None:
    if not kind.startswith(created):
        raise _PassedError(f"{kind[:60]!r} creates nothing")


def _decoded(key: str) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys((unquote_plus(key, errors="strict"), key)))
    except UnicodeDecodeError:
        return (key,)


def _seaweed(kind: str, path: str, message: Any) -> EventReading:
    if kind not in _SEAWEED_CREATES:
        return EventReading(passed=(f"{kind[:60]!r} creates nothing",))
    paths = [path]
    match message:
        case {"new_parent_path": str(folder), "new_entry": {"name": str(name)}}:
            paths.append(f"{folder}/{name}")  # the new place of a renamed object
    return _gather([partial(_placed, one) for one in dict.fromkeys(paths)])


def _placed(path: str) -> ObjectCreated:
    if not path.startswith(_SEAWEED_BUCKETS):
        raise _RefusedError("SeaweedFS' event is of no bucket")
    bucket, _, key = path.removeprefix(_SEAWEED_BUCKETS).partition("/")
    version = _SEAWEED_VERSION.fullmatch(key)
    if version:
        return _created(bucket, (version[1],), {"versionId": version[2]})
    return _created(bucket, (key,), {})


def _created(bucket: str, keys: tuple[str, ...], entry: Mapping[str, Any]) -> ObjectCreated:
    _check_name(bucket, "bucket")
    _check_name(keys[0], "key")
    if is_noise(keys[0]):
        raise _PassedError("a folder, or a part of an upload")
    return ObjectCreated(
        bucket,
        tuple(key for key in keys if _size(key) <= _MOST_BYTES),
        version_id=_text(entry, "versionId", "version-id"),
        etag=_text(entry, "eTag", "etag"),
        sequencer=_text(entry, "sequencer"),
        size=_number(entry.get("size")),
    )


def _check_name(name: str, what: str) -> None:
    if not name:
        raise _RefusedError(f"a {what} is empty")
    try:
        size = _size(name)
    except UnicodeEncodeError:  # half of a surrogate pair
        raise _RefusedError(f"a {what} is no valid Unicode") from None
    if size > _MOST_BYTES:
        raise _RefusedError(f"a {what} has {size:,} bytes; S3 allows {_MOST_BYTES:,}")


def _size(key: str) -> int:
    return len(key.encode())


def _text(entry: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        if isinstance(value := entry.get(name), str) and value:
            return value
    return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
