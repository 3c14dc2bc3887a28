"""The guard: checks the key, the turn and the size of each request to the API."""

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
"""Prefixes of the paths that need a key."""

TENANT_HEADER = "Docfleet-Tenant"
"""Header that names the tenant of a job, for a key of the whole fleet."""

METRICS = "/metrics"
"""Path that needs no key, and accepts one."""

_OF_NO_TENANT = (METRICS, "/v1/tasks", "/v1/adapters", "/v1/models")
_BEARER = "bearer "


class Guard:
    """ASGI middleware that verifies the key before a body is read, and bounds the body.

    FastAPI would read a stranger's whole body before it looks at the key. Routes find the principal
    in `request.state.principal`, and the tenant's turn in `request.state.turn`.

    Args:
        app: The app behind the guard.
        keyring: Verifies the keys.
        audit: Records what operators read.
        limits: Maximum bytes of a body.
        room: Has turns for each tenant.
        refusal: Makes the answer to an error of ours, by path.
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
        """Pass a request on, or answer it with an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = paced(send)
        receive = bounded(receive, scope["path"], headers, self._limits)
        # The metrics show more to a sender with a key than to a stranger.
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
        """Return whether a request reads a tenant's data with a key of the whole fleet."""
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
