"""An empty root directory, in which nothing can be created."""

from __future__ import annotations

import os
import tempfile


def make_empty_root() -> int:
    """Make a directory and delete it.

    Returns:
        A descriptor of the deleted directory, which has no name and accepts no entries.

    Raises:
        OSError: No temporary directory can be made.
    """
    name = tempfile.mkdtemp(prefix="docfleet-root-")
    try:
        return os.open(name, os.O_PATH | os.O_DIRECTORY)
    finally:
        os.rmdir(name)  # noqa: PTH106  # no path is needed beside this


def enter_empty_root(directory: int) -> None:
    """Make it this process's root and working directory.

    Raises:
        OSError: This process lacks the permission.
    """
    os.fchdir(directory)
    os.chroot(".")
