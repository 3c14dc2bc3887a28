"""The ledger's keys: Python and Lua write the same names."""

from __future__ import annotations

import re
from importlib.resources import files

from ledger import keys

_WITHOUT_SCRIPTS = frozenset(
    {"PREFIX", "GATE", "ENGINES", "POSTED", "AUDIT", "CALLBACK_SECRETS", "BASE_MODELS"}
)


def test_the_scripts_use_exactly_the_keys_that_the_catalogue_lists() -> None:
    """A key that is named in one place only is never read; some need no script."""
    listed = {
        value.removeprefix(keys.PREFIX).partition(":")[0]
        for name, value in vars(keys).items()
        if name.isupper()
        and name
        not in {"PREFIX", "GATE", "ENGINES", "POSTED", "AUDIT", "CALLBACK_SECRETS", "BASE_MODELS"}
    }
    written = (files("ledger") / "lua" / "keys.lua").read_text(encoding="utf-8")
    assert set(re.findall(r"PREFIX \.\. '([\w-]+):?'", written)) == listed
