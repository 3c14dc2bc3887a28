"""Liveness of the parts of a running stack: an existing process may hang, or be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from docfleet.processes.part import PartState
from docfleet.stack.record import PartRow
from docfleet.stack.state_dir import StateDir
from ledger.errors import LedgerError
from ledger.ledger import Ledger
from settings.environment import REDIS_URL_VARIABLE
from workers.role import Role

_SECONDS = 2
_ASKED = ("api", "watch")
"""Parts that serve HTTP and are no workers."""
_NO_HEARTBEAT = "it takes no new work: no heartbeat of it has reached the ledger for a lease"


class _Seen(NamedTuple):
    """Observations of a stack.

    Attributes:
        workers: Process ids of live workers by role; None when the ledger does not answer.
        troubles: Problems of other parts, by role.
    """

    workers: Mapping[str, set[int]] | None
    troubles: Mapping[str, str]


def looked_at(state: StateDir) -> list[PartRow]:
    """Return the rows of a stack; a ready part that does not work is `silent`.

    Raises:
        NoStackError: No stack is running.
    """
    stack = state.running_stack()
    seen = asyncio.run(_look(state, stack.environment.get(REDIS_URL_VARIABLE)))
    return [_row(row, seen) for row in stack.parts]


def _row(row: PartRow, seen: _Seen) -> PartRow:
    if row.state is not PartState.READY:
        return row
    trouble = seen.troubles.get(row.role)
    if row.role in set(Role) and seen.workers is not None:
        trouble = None if row.pid in seen.workers.get(row.role, ()) else _NO_HEARTBEAT
    if trouble is None:
        return row
    note = "; ".join(filter(None, [trouble, row.note]))
    return row.model_copy(update={"state": PartState.SILENT, "note": note})


async def _look(state: StateDir, redis_url: str | None) -> _Seen:
    addresses = {name: at for name, at in state.metrics().items() if name in _ASKED}
    answers = await asyncio.gather(
        *(asyncio.to_thread(_trouble_of, address) for address in addresses.values())
    )
    found = zip(addresses, answers, strict=True)
    troubles = {name: trouble for name, trouble in found if trouble is not None}
    if redis_url is None:
        return _Seen(None, troubles)
    try:
        return _Seen(await _live_workers(redis_url), troubles)
    except LedgerError as error:
        return _Seen(None, {**troubles, "redis": str(error)})


async def _live_workers(redis_url: str) -> Mapping[str, set[int]]:
    ledger = Ledger(redis_url, timeout=_SECONDS, retries=0)
    try:
        by_queue = await ledger.workers.live()
    finally:
        await ledger.close()
    live: dict[str, set[int]] = {}
    for queue, names in by_queue.items():
        # A worker's name is HOST-PID-NONCE; see WorkerProcess.
        pids = {int(name.rsplit("-", 2)[1]) for name in names}
        live.setdefault(queue.partition(".")[0], set()).update(pids)
    return live


def _trouble_of(address: str) -> str | None:
    """Return the reason why a server does not answer HTTP; None for any answer."""
    connection = HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, HTTPException) as error:
        return f"it does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return None
