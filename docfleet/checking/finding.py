"""A mistake, and the words for what pydantic finds."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError

from schemas.contract import Contract

_WANTED = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "model_attributes_type": "a table of keys and values",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
"""What a user should write, by pydantic's type of error."""


class Finding(Contract):
    """One mistake in a file or a variable."""

    file: str = Field(description="Path of the file; `environment` for a variable.")
    line: int | None = Field(default=None, ge=1)
    path: str = Field(description="The key in the file, or the variable.")
    message: str


def problems(
    error: ValidationError, model: type[BaseModel]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Return place and words of each error of a model."""
    return [(problem["loc"], _words(problem, model)) for problem in error.errors()]


def key_text(loc: Sequence[str | int]) -> str:
    """Return a place as a user writes it: `rules[0].tasks`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return text.removeprefix(".") or "file"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return a hint to the nearest known word, or the known words where none is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known are: {', '.join(sorted(known))}"


def _words(problem: Any, model: type[BaseModel]) -> str:
    kind, loc = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        holder = model_at(model, loc[:-1])
        hint = f"; {did_you_mean(str(loc[-1]), holder.model_fields)}" if holder else ""
        return f"unknown key{hint}"
    if kind == "missing":
        return "is missing"
    if kind in _WANTED:
        return f"{_WANTED[kind]} is needed here"
    message: str = problem["msg"].removeprefix("Value error, ")
    return message.removeprefix(f"{key_text(loc)}: ")


def model_at(annotation: Any, loc: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the table at a place; None where there is no model."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return annotation
        field = annotation.model_fields.get(str(loc[0]))
        return model_at(field.annotation, loc[1:]) if field else None
    parts = [part for part in get_args(annotation) if part not in {type(None), ...}]
    if get_origin(annotation) in {dict, list, tuple}:
        return model_at(parts[-1], loc[1:]) if loc else None
    found = (model_at(part, loc) for part in parts)  # of a union
    return next((model for model in found if model is not None), None)
