"""JSON and JSON lines: transcripts of calls turn by turn, and anything else as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workers.prepare.content import JSON
from workers.prepare.formats.format import Format, Page
from workers.prepare.formats.paging import cut_into_pages
from workers.prepare.formats.plain_text import load, text_of

_SPEAKERS = ("speaker", "speaker_name", "speaker_label", "role", "participant", "party", "channel")
_WORDS = ("text", "content", "utterance", "transcript", "message", "sentence")
_TIMES = ("start", "start_time", "startTime", "timestamp", "time", "begin", "offset")
_DEPTH = 5
"""Levels of objects in which a transcript's turns are looked for."""


def read(data: bytes, _max_pages: int) -> Iterator[Page]:
    """Read the turns, or the text.

    Raises:
        UnsupportedContentError: The bytes do not look like text.
        UnreadableError: document.corrupt.
    """
    text = text_of(data, otherwise="binary data in brackets")
    # A form feed would look like the end of a page.
    lines = _transcript(text) or text.replace("\f", "\n").splitlines()
    return map(Page, cut_into_pages(line.replace("\f", " ") for line in lines))


def _transcript(text: str) -> list[str]:
    """Return the lines of a transcript; none if the text is no transcript."""
    try:
        value = _parsed(text)
    except (ValueError, RecursionError):
        return []
    turns = _turns(value, _DEPTH)
    if not turns:
        return []
    facts = [f"{key}: {fact}" for key, fact in _facts(value)]
    return [*facts, *(_line(turn) for turn in turns)]


def _parsed(text: str) -> Any:
    try:
        return _json(text)
    except ValueError:
        return [_json(line) for line in text.splitlines() if line.strip()]


def _json(text: str) -> Any:
    # Numbers stay as they are written.
    return json.loads(text, parse_float=str, parse_int=str)


def _turns(value: Any, depth: int) -> Sequence[Mapping[str, Any]]:
    """Return the first list of turns, which stand beside or inside other values."""
    if isinstance(value, list) and value and all(map(_is_turn, value)):
        return value
    if depth and isinstance(value, dict):
        found = (_turns(inner, depth - 1) for inner in value.values())
        return next(filter(None, found), ())
    return ()


def _is_turn(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(_first(value, _WORDS), str)
        and isinstance(_first(value, _SPEAKERS), str)
    )


def _line(turn: Mapping[str, Any]) -> str:
    time = _first(turn, _TIMES)
    words = " ".join(str(_first(turn, _WORDS)).split())
    said = f"{_first(turn, _SPEAKERS)}: {words}"
    return f"[{time}] {said}" if isinstance(time, str) and time else said


def _facts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield what the file says of the whole call."""
    if isinstance(value, dict):
        for key, fact in value.items():
            if isinstance(fact, str) and fact.strip():
                yield key, " ".join(fact.split())
            elif isinstance(fact, dict):
                yield from _facts(fact)


def _first(value: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def load_json() -> None:
    """Load what reading takes."""
    load()
    _transcript('[{"role": "a", "text": "b"}]')


FORMAT = Format(name="JSON", content=JSON, media_type="application/json", load=load_json, read=read)
