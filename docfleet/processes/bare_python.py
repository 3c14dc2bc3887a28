"""Command lines that run a module of ours without site packages and user settings.

Such a process starts in a few milliseconds and takes a few megabytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The folder goes last, so that no file in it replaces a module of the standard library.
_START = (
    "import importlib, sys; folder, module, *arguments = sys.argv[1:]; sys.path.append(folder);"
    " importlib.import_module(module).main(arguments)"
)


def bare_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that calls a module's `main` with these arguments.

    Args:
        module: A module that imports only the standard library and modules of the same kind.
        arguments: Arguments of `main`, as a list.
    """
    folder = str(Path(__file__).parents[2])
    return (sys.executable, "-I", "-S", "-c", _START, folder, module, *arguments)
