"""JSON pointers as URI fragments: how a place in a schema is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def pointer(steps: Iterable[object]) -> str:
    """Write a place as `#/properties/a`."""
    return "/".join(["#", *(escaped(step) for step in steps)])


def escaped(step: object) -> str:
    """Write one step, which may have a `/` or a `~` in it."""
    return str(step).replace("~", "~0").replace("/", "~1")
