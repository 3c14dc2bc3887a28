"""Run of a local stack from its settings to its end.

A module of its own, so that only `docfleet up` waits for these imports.
"""

from __future__ import annotations

import asyncio

from docfleet.stack.announcer import Announcer
from docfleet.stack.layout import local_stack
from docfleet.stack.options import StackOptions
from docfleet.stack.state_dir import StateDir
from docfleet.stack.supervisor import Supervisor
from settings.fleet import load_settings


def run_stack(state: StateDir, options: StackOptions) -> None:
    """Run a stack in the foreground until SIGINT or SIGTERM.

    Raises:
        SettingsError: The fleet's file is not valid.
        BadUsageError: The options or the state directory are not valid.
        PartFailedError: A part did not become ready; everything is stopped again.
    """
    settings = load_settings(options.config)
    with state.held():
        stack = local_stack(settings, state, options)
        state.record_metrics(stack.metrics)
        supervisor = Supervisor(stack.layers, stack.environment, state, Announcer())
        asyncio.run(supervisor.run())
