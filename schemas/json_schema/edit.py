"""Reading and writing single values of JSON data by their JSON pointer (RFC 6901). Pure."""

from __future__ import annotations

from typing import Any

from schemas.json_schema.pointer import steps_of

_DIGITS = 9
"""Maximum digits of an index."""


class PointerError(ValueError):
    """A JSON pointer leads nowhere."""


def value_at(data: Any, pointer: str) -> Any:
    """Return the value at a pointer; None where an object or an array has room for it.

    Raises:
        PointerError: It leads nowhere.
    """
    for step in steps_of(pointer):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and (step == "-" or _index(data, step) == len(data)):
            data = None
        elif isinstance(data, list) and _index(data, step) is not None:
            data = data[int(step)]
        else:
            raise PointerError(f"{pointer} leads nowhere")
    return data


def put_value(data: Any, pointer: str, value: Any) -> Any:
    """Put a value at a pointer, in place; returns the data, which the empty pointer replaces.

    Raises:
        PointerError: It leads nowhere.
    """
    steps = steps_of(pointer)
    if not steps:
        return value
    holder = value_at(data, pointer.rpartition("/")[0])
    last = steps[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and (last == "-" or _index(holder, last) == len(holder)):
        holder.append(value)
    elif isinstance(holder, list) and (index := _index(holder, last)) is not None:
        holder[index] = value
    else:
        raise PointerError(f"{pointer} leads nowhere")
    return data


def _index(items: list[Any], step: str) -> int | None:
    """Return the index that a step names, up to one past the last; None for anything else."""
    is_number = step.isascii() and step.isdecimal() and (step == "0" or step[0] != "0")
    return int(step) if is_number and len(step) <= _DIGITS and int(step) <= len(items) else None
