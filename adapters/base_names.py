"""Names of base models: what an adapter's config says, and the model of a fleet that it means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath


def is_local_path(declared: str) -> bool:
    """Tell whether a name is a folder of the machine that trained the adapter.

    Such a name says nothing elsewhere; one of the form `owner/name`, or without a slash, names a
    model.
    """
    return declared.startswith(("/", ".", "~", "\\")) or declared.count("/") > 1


def is_named(declared: str, names: Iterable[str]) -> bool:
    """Tell whether a declared base is one of some names; case, owner and marks do not count."""
    return _bare(declared) in {_bare(name) for name in names}


def _bare(name: str) -> str:
    last = PurePath(name.rstrip("/")).name.rpartition(":")[2]
    return "".join(letter for letter in last.casefold() if letter.isalnum())
