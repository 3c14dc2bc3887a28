"""Landlock: no file, no TCP port, no signal to another process.

The rules are empty: everything that a reader needs is already open.
"""

from __future__ import annotations

import ctypes
import errno

from workers.prepare.lockdown.kernel import system_call

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # The same on every machine.
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION

_FILES = ((1, 13), (2, 14), (3, 15), (5, 16))
"""Number of known kinds of access to files, by the first version that has them."""
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_BIND_AND_CONNECT, _ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def create_ruleset() -> tuple[int, int]:
    """Create rules that allow nothing that this kernel's Landlock can refuse.

    Returns:
        A descriptor of the rules, and the version of Landlock.

    Raises:
        OSError: The kernel has no Landlock, or the container's profile refuses it.
    """
    version = system_call(_CREATE_RULESET, None, 0, _VERSION)
    try:
        return _create(version), version
    except OSError as error:
        # Kernels of some distributions report a version that is too new.
        if error.errno not in {errno.EINVAL, errno.E2BIG} or version < _SCOPES_SINCE:
            raise
        return _create(_SCOPES_SINCE - 1), _SCOPES_SINCE - 1


def restrict_self(ruleset: int) -> None:
    """Put this thread, and all threads and processes that it starts, under the rules.

    Raises:
        OSError: The kernel refuses.
    """
    system_call(_RESTRICT_SELF, ruleset, 0)


def _create(version: int) -> int:
    kinds = max(count for since, count in _FILES if since <= version)
    rules = _Ruleset(files=(1 << kinds) - 1)
    fields = 1
    if version >= _TCP_SINCE:
        rules.network, fields = _BIND_AND_CONNECT, 2
    if version >= _SCOPES_SINCE:
        rules.scoped, fields = _ABSTRACT_SOCKETS_AND_SIGNALS, 3
    size = fields * ctypes.sizeof(ctypes.c_uint64)
    return system_call(_CREATE_RULESET, ctypes.byref(rules), size, 0)
