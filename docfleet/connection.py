"""How a command finds the stack that it talks to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from docfleet.errors import NoStackError
from docfleet.state import StateDir
from settings.environment import connection_variables


def resolve_environment(
    state_dir: Path, needs: Collection[str] = ("DOCFLEET_REDIS_URL",)
) -> Mapping[str, str]:
    """The variables that reach a stack; see settings.environment.CONNECTION_VARIABLES.

    Args:
        state_dir: Where a local stack may be running.
        needs: If all of these are in our environment, it names the stack and the state directory
            is not looked at; the rest is then what the environment has.

    Raises:
        NoStackError: Neither names one.
    """
    ours = connection_variables()
    if ours.keys() >= set(needs):
        return ours
    try:
        return StateDir(state_dir).running_stack().environment
    except NoStackError as error:
        raise NoStackError(f"{error}; or set {' and '.join(needs)}") from None
