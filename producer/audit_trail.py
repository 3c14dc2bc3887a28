"""The audit trail: actions and their actors, written to the ledger and to this process's log.

The actor is the sender of the request or command in progress; `acting` sets it.
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
"""Maximum seconds that a hanging Redis delays a request: the entry is already in this process's
log."""
_READ_AGAIN_SECONDS = 300
_REMEMBERED_READS = 4096
_OF_STRANGERS = frozenset({AuditAction.KEY_REFUSED, AuditAction.KEY_THROTTLED})


class Actor(NamedTuple):
    """The actor of an action.

    Attributes:
        name: The id of a key, `bootstrap`, or `command:USER`.
        address: Address of the sender; None for a command.
    """

    name: str
    address: str | None = None


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_NOBODY = Actor("docfleet")


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Set the actor for the length of a block."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


class AuditTrail:
    """Writer of the audit log.

    Args:
        audit_log: The log's records.
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
        """Record an action of the present actor.

        Args:
            action: The action.
            tenant: Tenant concerned; None for no tenant.
            target: Object of the action.
            detail: Further detail, without secrets and without document content.
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
        """Record that the present actor reads something; once in a while for the same object."""
        key, now = ((_actor.get() or _NOBODY).name, target[:_TARGET_LENGTH]), monotonic()
        if self._reads.get(key, -_READ_AGAIN_SECONDS) + _READ_AGAIN_SECONDS > now:
            return
        self._reads[key] = now
        self._reads.move_to_end(key)
        while len(self._reads) > _REMEMBERED_READS:
            self._reads.popitem(last=False)
        await self.record(AuditAction.READ, target=target)
