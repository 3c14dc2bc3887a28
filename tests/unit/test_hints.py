"""What is taken from bucket events."""

from __future__ import annotations

from typing import Any

import pytest

from producer.errors import RequestError
from producer.hints import hinted_keys


def _seaweed(kind: str, path: str, message: Any = None) -> dict[str, Any]:
    return {"event_type": kind, "key": path, "message": message or {}}


def _aws(name: str, bucket: str, key: str) -> dict[str, Any]:
    return {"eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        (_seaweed("create", "/buckets/incoming/tenant a/claim+1.pdf"), {"tenant a/claim+1.pdf"}),
        (_seaweed("update", "/buckets/incoming/100%.pdf"), {"100%.pdf"}),
        (_seaweed("delete", "/buckets/incoming/a.pdf"), set()),
        (_seaweed("create", "/buckets/incoming/folder/"), set()),
        (_seaweed("create", "/buckets/incoming/.uploads/7/0001.part"), set()),
        (_seaweed("create", "/buckets/incoming-too/a.pdf"), set()),
        (
            _seaweed(
                "rename",
                "/buckets/incoming/a.tmp",
                {"new_parent_path": "/buckets/incoming/b", "new_entry": {"name": "a.pdf"}},
            ),
            {"a.tmp", "b/a.pdf"},
        ),
        (
            {"Records": [_aws("ObjectCreated:Put", "incoming", "tenant+a/claim%2B1.pdf")]},
            {"tenant a/claim+1.pdf", "tenant+a/claim%2B1.pdf"},
        ),
        ({"Records": [_aws("s3:ObjectCreated:Copy", "incoming", "a")]}, {"a"}),
        ({"Records": [_aws("ObjectRemoved:Delete", "incoming", "a")]}, set()),
        ({"Records": [_aws("ObjectCreated:Put", "results", "a")]}, set()),
        ({"Records": [{}, 7, _aws("ObjectCreated:Put", "incoming", "a")]}, {"a"}),
        ({"Records": []}, set()),
    ],
)
def test_an_event_gives_the_keys_to_look_at(event: Any, keys: set[str]) -> None:
    """Both dialects, raw and encoded keys; nothing of other buckets, folders and parts."""
    assert hinted_keys(event, "incoming") == keys


@pytest.mark.parametrize("event", [None, 7, [], {}, {"Records": {}}, {"event_type": "create"}])
def test_what_is_no_event_is_refused(event: Any) -> None:
    """So that a sender that is set up wrongly learns of it."""
    with pytest.raises(RequestError):
        hinted_keys(event, "incoming")
