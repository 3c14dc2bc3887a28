"""Command lines that run one of our modules without site packages and the user's settings.

Such a process starts in a few milliseconds and holds a few megabytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The folder goes last, so that nothing in it can stand before the standard library.
_START = (
    "import importlib, sys; folder, module, *arguments = sys.argv[1:]; sys.path.append(folder);"
    " importlib.import_module(module).main(arguments)"
)


def bare_command(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that calls a module's `main` with these arguments.

    Args:
        module: Must not import anything but the standard library and modules like itself.
        arguments: What `main` gets, as a list.
    """
    folder = str(Path(__file__).parents[2])
    return (sys.executable, "-I", "-S", "-c", _START, folder, module, *arguments)
