"""Mapping: a task's data in the names and forms of the customer's system. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.value_type import DateOrder, MappedField
from workers.infer.typed import typed_text, values_at


def mapped(data: Any, mapping: Mapping[str, MappedField], order: DateOrder | None) -> Any:
    """Return the customer's form of a task's data; what the data does not give is null.

    Args:
        data: Of the task.
        mapping: By target path.
        order: How the documents write days as numbers; None where nobody knows.
    """
    form: dict[str, Any] = {}
    for target, field in mapping.items():
        if field.source is None:
            _put(form, target, [], field.constant)
            continue
        found = list(values_at(data, field.source))
        if not found and "[]" not in target:
            _put(form, target, [], None)
        for pointer, value in found:
            _put(form, target, _indexes(pointer, field.source), _written(value, field, order))
    return form


def _indexes(pointer: str, source: str) -> list[int]:
    """Return the indexes that a pointer has where its place has `*`."""
    pairs = zip(pointer.split("/"), source.split("/"), strict=True)
    return [int(step) for step, pattern in pairs if pattern == "*" and step.isdecimal()]


def _written(value: Any, field: MappedField, order: DateOrder | None) -> Any:
    if value in (None, ""):
        return None
    if field.values:
        return field.values.get(str(value))
    return value if field.type is None else typed_text(value, field.type, order)


def _put(form: dict[str, Any], target: str, indexes: list[int], value: Any) -> None:
    """Put a value under a path; a constant in an array goes to each item that is there."""
    steps = target.split(".")
    _place(form, steps, list(indexes), value)


def _place(holder: dict[str, Any], steps: list[str], indexes: list[int], value: Any) -> None:
    step, *rest = steps
    name = step.removesuffix("[]")
    if not step.endswith("[]"):
        if rest:
            _place(holder.setdefault(name, {}), rest, indexes, value)
        else:
            holder[name] = value
        return
    items = holder.setdefault(name, [])
    chosen = indexes[:1] or range(len(items))
    for index in chosen:
        while len(items) <= index:
            items.append({} if rest else None)
        if rest:
            _place(items[index], rest, indexes[1:], value)
        else:
            items[index] = value
