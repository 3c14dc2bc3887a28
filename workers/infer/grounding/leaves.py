"""Leaf values of an answer, each with its JSON pointer (RFC 6901). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.json_schema.pointer import escaped

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that is no container and not null.

    Attributes:
        pointer: From the root of the data.
        value: Text, number or truth value.
        record: Pointer of the array item that holds the leaf, empty outside of arrays.
    """

    pointer: str
    value: Scalar
    record: str = ""

    @property
    def label(self) -> str:
        """Return the name of the nearest property."""
        for step in reversed(self.pointer.split("/")):
            if not step.isdigit():
                return step
        return ""


def leaves(data: Any, pointer: str = "", record: str = "") -> Iterator[Leaf]:
    """Walk the leaves in document order of the data."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves(value, f"{pointer}/{escaped(key)}", record)
    elif isinstance(data, Sequence) and not isinstance(data, str):
        for index, value in enumerate(data):
            item = f"{pointer}/{index}"
            yield from leaves(value, item, item if isinstance(value, Mapping) else record)
    elif data is not None and data != "":
        yield Leaf(pointer, data, record)
