"""Metadata in an object's key: `fnol/{claim}/*` gives `claim`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.job import METADATA_ENTRIES, METADATA_VALUE

_PIECE = re.compile(r"\{([^{}]*)\}|(\*)")


def key_metadata(pattern: str | None, key: str) -> dict[str, str]:
    """Return the metadata that a rule's pattern finds in a key; none for a key of another form.

    Args:
        pattern: `{name}` stands for one part of a path, or a piece of one; `*` for anything.
        key: The object's key.
    """
    found = re.fullmatch(_expression(pattern), key, re.DOTALL) if pattern else None
    if found is None:
        return {}
    return {name: text for name, text in found.groupdict().items() if len(text) <= METADATA_VALUE}


def joined(said: Mapping[str, str], of_key: Mapping[str, str]) -> dict[str, str]:
    """Return a job's metadata: the manifest's, and as much of the key's as fits."""
    more = [(name, text) for name, text in of_key.items() if name not in said]
    return {**said, **dict(more[: max(METADATA_ENTRIES - len(said), 0)])}


def _expression(pattern: str) -> str:
    """Translate a pattern to a regular expression without nested repetition."""
    parts: list[str] = []
    end = 0
    for piece in _PIECE.finditer(pattern):
        parts.append(re.escape(pattern[end : piece.start()]))
        parts.append(".*" if piece[2] else f"(?P<{piece[1]}>[^/]+?)")
        end = piece.end()
    return "".join((*parts, re.escape(pattern[end:])))
