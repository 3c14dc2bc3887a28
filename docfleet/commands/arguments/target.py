"""The stack of a command: the options that name it, and a client of it."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from docfleet.commands.arguments.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    StateDirOption,
)

if TYPE_CHECKING:
    from producer.client import Client
    from settings.fleet import FleetSettings

T = TypeVar("T")

_LOOKS = frozenset({"job", "list", "show", "audit"})
"""Commands that show tenants' data."""
_ID = re.compile(r"[a-z]+_\w+")


@dataclass(frozen=True, slots=True)
class TargetStack:
    """Options that name a stack.

    Attributes:
        context: Context of the command, which knows whether --state-dir was typed.
        config: The fleet's file.
        state_dir: State directory of a local stack.
    """

    context: typer.Context
    config: ConfigOption = DEFAULT_CONFIG
    state_dir: StateDirOption = DEFAULT_STATE_DIR

    def settings(self) -> FleetSettings:
        """Return the fleet's settings, and point our environment to the stack.

        Raises:
            NoStackError: There is no stack.
            SettingsError: The file or a variable is not valid.
        """
        from docfleet.fleet_settings import connected_settings

        return connected_settings(self.config, self.state_dir, named=self._typed("state_dir"))

    def ledger(self) -> tuple[str, Collection[str]]:
        """Return the URL of the ledger's Redis, and the pools of the fleet's file if it is there.

        Raises:
            NoStackError: There is no stack.
            SettingsError: The file or a variable is not valid.
        """
        from docfleet.connection import resolve_environment
        from settings.environment import REDIS_URL_VARIABLE

        if self.config.is_file() or self._typed("config"):
            settings = self.settings()
            if settings.redis_url is not None:
                return settings.redis_url.get_secret_value(), settings.pools.keys()
        named = self._typed("state_dir")
        return resolve_environment(self.state_dir, named=named)[REDIS_URL_VARIABLE], ()

    def call(self, question: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """Call a client of the stack; raise the errors of the client and of `settings`."""
        from producer.audit_trail import Actor, acting
        from producer.client import connect

        async def run() -> T:
            async with connect(self.settings()) as client:
                with acting(Actor(f"command:{_user()}")):
                    if self.context.info_name in _LOOKS:
                        await client.audit.read(self._typed_ids())
                    return await question(client)

        return asyncio.run(run())

    def _typed_ids(self) -> str:
        """Return the command and its ids, for the audit log."""
        ids = (one for one in self.context.params.values() if isinstance(one, str))
        return " ".join([self.context.command_path, *filter(_ID.fullmatch, ids)])

    def words(self) -> tuple[str, ...]:
        """Return the options that name the stack, for another command."""
        named = (("config", "--config"), ("state_dir", "--state-dir"))
        return tuple(
            word
            for name, option in named
            if self._typed(name)
            for word in (option, str(getattr(self, name)))
        )

    def _typed(self, name: str) -> bool:
        """Tell whether an option was typed, and not set by a variable or by default."""
        source = self.context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"


def _user() -> str:
    """Return the name of this machine's user, or the number of one without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
