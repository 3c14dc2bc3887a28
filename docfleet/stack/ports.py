"""Ports on loopback, kept as long as they are free."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from docfleet.errors import PortTakenError
from docfleet.stack.private_file import write_private

LOOPBACK = "127.0.0.1"

# Below the ports that the kernel gives to clients, and with room for a second one above.
_LOWEST = 10_000
_HIGHEST = 21_999
_MOST = 65_535
_TRIES = 1_000


class Ports:
    """The ports of one state directory, by name.

    Args:
        path: File in which they are stored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = {}
        with suppress(OSError, ValueError):  # nothing stored, or damaged: find new ones
            self._known = {str(k): int(v) for k, v in json.loads(path.read_text()).items()}
        self._given: set[int] = set()

    def choose(self, name: str, *, told: int | None = None, twin: int = 0) -> int:
        """Return a port that is free now.

        Args:
            name: Name of the server; the same name gets the same port again while it is free.
            told: The only port that may be taken.
            twin: Distance to a second port that the server takes as well.

        Raises:
            PortTakenError: Another program listens there, or no port is free.
        """
        for port in [told] if told is not None else self._candidates(name):
            wanted = {port, port + twin}
            if wanted.isdisjoint(self._given) and all(map(_is_free, wanted)):
                self._given |= wanted
                self._known[name] = port
                write_private(self._path, json.dumps(self._known, indent=2))
                return port
        if told is None:
            raise PortTakenError(f"no port is free for {name} on {LOOPBACK}")
        also = f" (or {told + twin}, which it takes too)" if twin else ""
        raise PortTakenError(f"port {told}{also} cannot be had for {name} on {LOOPBACK}")

    def _candidates(self, name: str) -> Iterator[int]:
        if name in self._known:
            yield self._known[name]
        others = set(self._known.values())
        for _ in range(_TRIES):
            port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
            if port not in others:
                yield port


def _is_free(port: int) -> bool:
    if not 0 < port <= _MOST:
        return False
    with socket.socket() as listener:
        # Servers do the same: a lingering connection of the last run does not matter.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError:
            return False
        return True
