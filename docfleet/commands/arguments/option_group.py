"""Option groups: options that several commands take, as one dataclass that each of them names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for typer: a parameter that is a dataclass becomes the options in it.

    Args:
        command: The command, which gets the dataclasses with the values that its user typed.
    """
    parameters = signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        one.name: one.annotation for one in parameters if is_dataclass(one.annotation)
    }

    @wraps(command)
    def run(**typed: Any) -> None:
        for name, group in groups.items():
            options = {field.name: typed.pop(field.name) for field in fields(group)}
            typed[name] = group(**options)
        command(**typed)

    flat: list[Parameter] = []
    for one in parameters:
        flat += _options(groups[one.name]) if one.name in groups else [one]
    keyword_only = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in flat]
    run.__dict__["__signature__"] = Signature(keyword_only)
    return run


def _options(group: Any) -> Iterator[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
