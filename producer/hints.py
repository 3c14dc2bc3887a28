"""Hints: what a bucket event says about where to look. Pure.

An event may be lost, late, repeated or in the wrong order, so nothing is believed of it but a key;
the listing decides what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from producer.errors import RequestError

_SEAWEED_BUCKETS = "/buckets/"
_CREATED = "ObjectCreated:"


def hinted_keys(event: Any, bucket: str) -> frozenset[str]:
    """The keys of a bucket that an event is about.

    Args:
        event: JSON: SeaweedFS' webhook, or `Records[]` as AWS and its like send them.
        bucket: Events of other buckets, and of objects that went away, give nothing.

    Raises:
        RequestError: It is neither.
    """
    match event:
        case {"Records": list(records)}:
            keys = frozenset(key for record in records for key in _aws_keys(record, bucket))
        case {"event_type": str(kind), "key": str(path)}:
            keys = frozenset(_seaweed_keys(kind, path, event.get("message"), bucket))
        case _:
            raise RequestError("this is no event of SeaweedFS, and has no `Records` as S3's have")
    return frozenset(key for key in keys if not is_noise(key))


def is_noise(key: str) -> bool:
    """Whether a key is a folder, or a part of an upload that goes on, and so no document."""
    return not key or key.endswith("/") or key.startswith(".uploads/")


def _seaweed_keys(kind: str, path: str, message: Any, bucket: str) -> Iterator[str]:
    if kind not in {"create", "update", "rename"}:
        return
    paths = [path]
    match message:
        case {"new_parent_path": str(folder), "new_entry": {"name": str(name)}}:
            paths.append(f"{folder}/{name}")  # where a renamed object has gone
    for one in paths:
        if one.startswith(f"{_SEAWEED_BUCKETS}{bucket}/"):
            yield one.removeprefix(f"{_SEAWEED_BUCKETS}{bucket}/")


def _aws_keys(record: Any, bucket: str) -> Iterator[str]:
    match record:
        case {"s3": {"bucket": {"name": str(name)}, "object": {"key": str(key)}}}:
            if name == bucket and _is_creation(record):
                yield unquote_plus(key)
                yield key  # some senders do not encode it


def _is_creation(record: Mapping[str, Any]) -> bool:
    name = str(record.get("eventName", _CREATED))
    return name.removeprefix("s3:").startswith(_CREATED)
