"""Connection of a command to its stack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docfleet.errors import NoStackError
from docfleet.stack.state_dir import StateDir
from settings.environment import REDIS_URL_VARIABLE, connection_variables


def resolve_environment(state_dir: Path, *, named: bool = False) -> Mapping[str, str]:
    """Return the variables that reach a stack; see settings.environment.CONNECTION_VARIABLES.

    Args:
        state_dir: State directory of a local stack.
        named: True when the user typed that directory. Otherwise our environment comes first, if it
            has DOCFLEET_REDIS_URL.

    Raises:
        NoStackError: Neither names a stack.
    """
    ours = connection_variables()
    if REDIS_URL_VARIABLE in ours and not named:
        return ours
    try:
        return StateDir(state_dir).running_stack().environment
    except NoStackError as error:
        raise NoStackError(f"{error}; or set {REDIS_URL_VARIABLE}") from None
