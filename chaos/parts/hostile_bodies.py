"""Bodies that cost an unguarded API seconds and hundreds of megabytes, each in one request."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

JOBS, CHATS = "/v1/jobs", "/v1/chat/completions"
_JSON = "application/json"
_FORM = "multipart/form-data; boundary=b"
_TEXT = {"document": {"text": "Hail."}, "tasks": ["document-class"]}
_WORDS = [{"role": "user", "content": "Hail."}]


class HostileBody(NamedTuple):
    """A request that is answered with 4xx, or accepted if it is only large.

    Attributes:
        path: Path of the request.
        data: Its body.
        media_type: Media type in its header.
    """

    path: str
    data: bytes
    media_type: str = _JSON


@cache
def hostile_bodies() -> tuple[HostileBody, ...]:
    """Return all hostile bodies, with the large ones once among many."""
    return (
        *(_small() * 6),
        *_large(),
    )


def _small() -> list[HostileBody]:
    return [
        _json(JOBS, {**_TEXT, **{f"key-{number}": 0 for number in range(450)}}),
        _json(JOBS, {**_TEXT, "metadata": {f"k{number}": 0 for number in range(450)}}),
        _json(JOBS, {**_TEXT, "tasks": [""] * 60}),
        _json(JOBS, {**_TEXT, "k" * 60_000: 0}),
        _json("/v1/keys", {"label": "a", "scopes": [0] * 900}),
        HostileBody("/v1/endpoints", b"[" * 65_000),
        HostileBody("/v1/batches", b'{"metadata": {' + b'"a": 0,' * 900 + b'"b": 0}}'),
        _json(CHATS, {"model": "none", "messages": _WORDS * 2_000}),
        _json(CHATS, {"model": "none", "messages": _WORDS, "stop": ["a" * 10_000] * 5}),
        _json(CHATS, {"model": "none", "messages": _WORDS, "response_format": _schema()}),
        HostileBody(JOBS, _form("other", b"a" * 60_000), _FORM),
        HostileBody("/v1/documents", _form("file", b"\r" * 60_000), _FORM),
    ]


def _large() -> list[HostileBody]:
    empty = b'{"document": {"text": "a"}, "tasks": [' + b'"",' * 1_300_000 + b'""]}'
    return [
        HostileBody(JOBS, empty),
        _json(JOBS, {**_TEXT, **{f"key-{number}": 0 for number in range(100_000)}}),
        _json(JOBS, {"document": {"text": "a" * 7_000_000}, "tasks": ["none"]}),
        _json(JOBS, {"document": {"text": "\U0001f327" * 1_800_000}, "tasks": ["none"]}),
        _json(CHATS, {"model": "none", "messages": _WORDS * 150_000}),
        _json(CHATS, {"model": "none", "messages": [{"role": "user", "content": "a" * 7_000_000}]}),
        HostileBody("/v1/documents", b"a" * 3_000_000, "text/plain"),
    ]


def _json(path: str, body: Any) -> HostileBody:
    return HostileBody(path, json.dumps(body, ensure_ascii=False).encode())


def _schema() -> dict[str, Any]:
    fields = {f"f{number}": {"type": "string", "description": "a" * 300} for number in range(200)}
    schema = {"type": "object", "properties": fields}
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}


def _form(name: str, data: bytes) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n--b--\r\n"
