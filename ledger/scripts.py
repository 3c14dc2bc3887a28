"""The Lua scripts: each is constants, shared files and its own file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis

from ledger.connection import available
from ledger.keys import PREFIX
from ledger.message import message_template

SCRIPTS = (
    "submit",
    "claim",
    "heartbeat",
    "advance",
    "finish",
    "release",
    "cancel",
    "delete_job",
    "take_review",
    "accept_review",
    "correct_review",
    "redrive",
    "drop",
    "replay",
    "put_endpoint",
    "delete_endpoint",
    "disable_endpoint",
    "test_endpoint",
    "sweep",
    "bury",
    "create_file",
    "delete_file",
    "create_batch",
    "submit_lines",
    "note_batch",
    "park_batch",
    "cancel_batch",
    "cancel_lines",
    "make_key",
    "revoke_key",
    "audit",
    "replace_secrets",
    "add_adapter",
    "promote_adapter",
    "retire_adapter",
)
_REFUSED_WHEN_FULL = frozenset(
    {"submit", "create_file", "create_batch", "submit_lines", "make_key", "add_adapter"}
)
_SHARED = ("keys", "receiver", "line", "share", "batch", "prelude", "review", "forget", "suspects")
_ALLOW_OOM = "#!lua flags=allow-oom\n"


@cache
def script_text(name: str) -> str:
    """Return the text of `lua/{name}.lua` for Redis.

    A full Redis refuses a submit; every other transition must run, since it frees memory.
    """
    folder = files("ledger") / "lua"
    flags = "#!lua\n" if name in _REFUSED_WHEN_FULL else _ALLOW_OOM
    constants = f"local PREFIX = {_quoted(PREFIX)}\nlocal MESSAGE = {_quoted(message_template())}\n"
    files_in_order = (*_SHARED, name)
    return (
        flags
        + constants
        + "".join((folder / f"{file}.lua").read_text(encoding="utf-8") for file in files_in_order)
    )


class Scripts:
    """The scripts on one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = {name: redis.register_script(script_text(name)) for name in SCRIPTS}

    async def run(self, name: str, key_names: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script; raise the errors of `available`."""
        async with available():
            return await self._scripts[name](keys=key_names, args=arguments)


def _quoted(text: str) -> str:
    """Return a Lua string literal of any text."""
    return f"[==[{text}]==]"
