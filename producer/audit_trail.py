"""The audit trail: who did what is written to the ledger, and to this process's log.

The actor is whoever's request or command is being served; it is set where that begins.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import NamedTuple

import structlog

from ledger.access.audit import FLEET, REFUSED, AuditLog
from ledger.errors import LedgerError
from schemas.audit import AuditAction

log = structlog.get_logger("docfleet.audit")

_TARGET_LENGTH = 200
_APPEND_SECONDS = 1
"""A Redis that hangs holds up nobody for longer: the entry is in this process's log by then."""
_READ_AGAIN_SECONDS = 300
_REMEMBERED_READS = 4096
_OF_STRANGERS = frozenset({AuditAction.KEY_REFUSED, AuditAction.KEY_THROTTLED})


class Actor(NamedTuple):
    """Who acts.

    Attributes:
        name: The id of a key, `bootstrap`, or `command:USER`.
        address: Where the request came from; None for a command.
    """

    name: str
    address: str | None = None


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_NOBODY = Actor("docfleet")


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Say who acts for the length of a block."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


class AuditTrail:
    """Writes entries of the audit log.

    Args:
        audit_log: Where they are kept.
    """

    def __init__(self, audit_log: AuditLog) -> None:
        self._log = audit_log
        self._reads: OrderedDict[tuple[str, str], float] = OrderedDict()

    @property
    def actor(self) -> str:
        """The name of the present actor."""
        return (_actor.get() or _NOBODY).name

    async def record(
        self, action: AuditAction, *, tenant: str | None = None, target: str = "", detail: str = ""
    ) -> None:
        """Write that the present actor has done something.

        Args:
            action: What.
            tenant: Whose it was; None for no one's.
            target: What it was done to.
            detail: What else is to be known; no secret and nothing of a document.
        """
        actor = _actor.get() or _NOBODY
        told = {
            "actor": actor.name,
            "address": actor.address,
            "tenant": tenant,
            "target": target[:_TARGET_LENGTH],
            "detail": detail[:_TARGET_LENGTH],
        }
        fields = {name: value for name, value in told.items() if value}
        if structlog.is_configured():  # a command has no log of its own
            log.info(action.value, **fields)
        where = REFUSED if action in _OF_STRANGERS else tenant or FLEET
        try:
            async with asyncio.timeout(_APPEND_SECONDS):
                await self._log.append(where, {"action": action.value, **fields})
        except (LedgerError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            log.warning("audit entry is in this log alone", action=action.value, reason=reason)

    async def read(self, target: str) -> None:
        """Write that the present actor looks at something; once in a while for the same."""
        key, now = ((_actor.get() or _NOBODY).name, target[:_TARGET_LENGTH]), monotonic()
        if self._reads.get(key, -_READ_AGAIN_SECONDS) + _READ_AGAIN_SECONDS > now:
            return
        self._reads[key] = now
        self._reads.move_to_end(key)
        while len(self._reads) > _REMEMBERED_READS:
            self._reads.popitem(last=False)
        await self.record(AuditAction.READ, target=target)
