"""JSON pointers as URI fragments: how a place in a schema is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def pointer(steps: Iterable[object]) -> str:
    """Write a place as `#/properties/a`; a step that has a `/` or a `~` is escaped."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join(["#", *escaped])
