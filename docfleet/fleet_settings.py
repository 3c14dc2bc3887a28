"""Settings of a command that talks to a stack."""

from __future__ import annotations

from pathlib import Path

from docfleet.connection import resolve_environment
from settings.environment import apply_environment
from settings.fleet import FleetSettings, load_settings


def connected_settings(config: Path, state_dir: Path, *, named: bool = False) -> FleetSettings:
    """Find the stack, point our environment to it, and read the settings.

    Args:
        config: The fleet's file.
        state_dir: State directory of a local stack.
        named: See resolve_environment.

    Raises:
        NoStackError: There is no stack, and the environment names none.
        SettingsError: The file or a variable is not valid.
    """
    apply_environment(resolve_environment(state_dir, named=named))
    return load_settings(config, state_dir=state_dir)
