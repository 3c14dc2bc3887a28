"""The guard: what stands before every request to the API: its key, its turn, and its size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import LedgerError
from producer.access.keyring import Keyring
from producer.access.principal import Principal
from producer.audit_trail import Actor, AuditTrail, acting
from producer.errors import ProducerError, RequestError, UnauthorizedError
from producer.http.limits.answer import paced
from producer.http.limits.body import BodyLimits, bounded
from producer.http.limits.room import Room
from schemas.job import TENANT_NAME

GUARDED = "/v1/"
"""Paths that need a key start so."""

TENANT_HEADER = "Docfleet-Tenant"
"""Names the tenant that a job is for, where the key is the whole fleet's."""

METRICS = "/metrics"
"""Needs no key, and takes one."""

_OF_NO_TENANT = (METRICS, "/v1/tasks", "/v1/adapters", "/v1/models")
_BEARER = "bearer "


class Guard:
    """ASGI middleware that asks for the key before it lets a body be read, and counts the body.

    FastAPI would read all of a stranger's body before it looks at the key. The routes find who
    asks in `request.state.principal`, and the tenant's turn in `request.state.turn`.

    Args:
        app: What is guarded.
        keyring: Knows the keys.
        audit: Told of what operators look at.
        limits: The most that one body may have.
        room: Has turns for each tenant.
        refusal: Makes the answer to a path of an error of ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        audit: AuditTrail,
        limits: BodyLimits,
        room: Room,
        refusal: Callable[[str, Exception], Response],
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._audit = audit
        self._limits = limits
        self._room = room
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = paced(send)
        receive = bounded(receive, scope["path"], headers, self._limits)
        # Whoever shows a key to the metrics is told more of them than strangers are.
        shown = scope["path"] == METRICS and headers.get("authorization")
        if not shown and not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else None
        try:
            principal = await self._principal(headers, address)
            turn = await self._room.turns.take(principal.submits_as)
        except (ProducerError, LedgerError) as error:
            await self._refusal(scope["path"], error)(scope, receive, send)
            return
        scope.setdefault("state", {}).update(principal=principal, turn=turn)
        # A client that hangs up in the middle of its body is no defect, and no news for a log.
        with turn, acting(Actor(principal.key_id, address)), suppress(ClientDisconnect):
            if self._is_audited(scope, principal):
                await self._audit.read(scope["path"])
            await self._app(scope, receive, send)

    @staticmethod
    def _is_audited(scope: Scope, principal: Principal) -> bool:
        """Return whether a request reads what is a tenant's with a key of the whole fleet."""
        reads = scope["method"] in {"GET", "HEAD"} and principal.tenant is None
        return reads and not scope["path"].startswith(_OF_NO_TENANT)

    async def _principal(self, headers: Headers, address: str | None) -> Principal:
        sent = headers.get("authorization", "")
        bearer = sent.lower().startswith(_BEARER)
        key = sent[len(_BEARER) :].strip()
        principal = await self._keyring.principal(key, address) if bearer else None
        if principal is None:
            raise UnauthorizedError(
                "send `Authorization: Bearer` and a key that is neither revoked nor expired"
            )
        tenant = headers.get(TENANT_HEADER)
        if tenant is None:
            return principal
        if not TENANT_NAME.fullmatch(tenant):
            raise RequestError(f"{TENANT_HEADER}: {tenant!r} is no tenant's name")
        return principal.acting_for(tenant)
