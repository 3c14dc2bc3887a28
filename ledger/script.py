"""The Lua scripts as text: constants, prelude, then the script's own file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ledger.message import message_template
from schemas.keys import PREFIX

_ALLOW_OOM = "#!lua flags=allow-oom\n"


@cache
def script_text(name: str) -> str:
    """The text that Redis is given for `lua/{name}.lua`.

    A full Redis refuses a submit; every other transition has to go on, since it frees memory.
    """
    folder = files("ledger") / "lua"
    flags = "#!lua\n" if name == "submit" else _ALLOW_OOM
    constants = f"local PREFIX = {_quoted(PREFIX)}\nlocal MESSAGE = {_quoted(message_template())}\n"
    prelude = (folder / "prelude.lua").read_text(encoding="utf-8")
    own = (folder / f"{name}.lua").read_text(encoding="utf-8")
    return flags + constants + prelude + own


def _quoted(text: str) -> str:
    """A Lua string that takes every character as it is."""
    return f"[==[{text}]==]"
