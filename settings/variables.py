"""Variables of docfleet that name no setting, so that a misspelt one is never ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from os import environ  # noqa: TID251  # settings is the place where it is read
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from settings.environment import CONFIG_VARIABLE, STATE_DIR_VARIABLE

_PREFIX = "DOCFLEET_"
_DELIMITER = "__"
_OTHERS = frozenset(
    {
        CONFIG_VARIABLE,
        STATE_DIR_VARIABLE,
        "DOCFLEET_API_URL",
        "DOCFLEET_FAMILY",
        "DOCFLEET_FUZZ_EXAMPLES",
        "DOCFLEET_READY_FD",
    }
)
"""Variables that are no settings of the fleet."""
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT_\d+_(TCP|UDP|SCTP)\w*$")
_LINK_URL = re.compile(r"(tcp|udp|sctp)://")


def unknown_variables(
    model: type[BaseModel], secrets: Collection[str]
) -> Iterator[tuple[str, Collection[str]]]:
    """Yield each variable that names no setting, with the names that are known in its place.

    Kubernetes sets variables for each service of a namespace (`DOCFLEET_API_PORT=tcp://...` for
    one that is called docfleet-api); these are left alone.

    Args:
        model: The settings.
        secrets: Settings that a file may hold, which a variable names.
    """
    others = _OTHERS | {f"{_PREFIX}{name.upper()}_FILE" for name in secrets}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(_PREFIX) or variable in others:
            continue
        if _SERVICE_LINK.search(variable) or _LINK_URL.match(value):
            continue
        steps = variable.removeprefix(_PREFIX).lower().split(_DELIMITER)
        known = _unknown(model, steps, _PREFIX)
        if known is not None:
            yield variable, known | others if len(steps) == 1 else known


def _unknown(model: Any, steps: list[str], prefix: str) -> set[str] | None:
    """Return the known variables beside the first step that is unknown; None if all are known."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        if get_origin(model) is dict and steps:
            return _unknown(get_args(model)[-1], steps[1:], f"{prefix}{steps[0].upper()}__")
        return None
    if not steps:
        return None
    field = model.model_fields.get(steps[0])
    if field is None:
        more = "".join(f"__{step.upper()}" for step in steps[1:])
        return {f"{prefix}{name.upper()}{more}" for name in model.model_fields}
    return _unknown(field.annotation, steps[1:], f"{prefix}{steps[0].upper()}__")
