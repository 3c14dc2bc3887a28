"""JSON pointers (RFC 6901): places in data, and as URI fragments in a schema. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def pointer(steps: Iterable[object]) -> str:
    """Write a place as `#/properties/a`."""
    return "/".join(["#", *(escaped(step) for step in steps)])


def escaped(step: object) -> str:
    """Write one step, which may have a `/` or a `~` in it."""
    return str(step).replace("~", "~0").replace("/", "~1")


def unescaped(step: str) -> str:
    """Return the name that a step is written for."""
    return step.replace("~1", "/").replace("~0", "~")


def steps_of(pointer: str) -> list[str]:
    """Split a JSON pointer into names; the empty one is the whole."""
    return [unescaped(step) for step in pointer.split("/")[1:]]
