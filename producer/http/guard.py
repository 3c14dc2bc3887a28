"""The guard: what stands before every request to the API: its key, its turn, and its size."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import LedgerError
from producer.access.keyring import Keyring
from producer.access.principal import Principal
from producer.errors import ProducerError, RequestError, UnauthorizedError
from producer.http.limits.body import BodyLimits, bounded
from producer.http.limits.room import Room
from schemas.job import TENANT_NAME

GUARDED = "/v1/"
"""Paths that need a key start so."""

TENANT_HEADER = "Docfleet-Tenant"
"""Names the tenant that a job is for, where the key is the whole fleet's."""

_BEARER = "bearer "


class Guard:
    """ASGI middleware that asks for the key before it lets a body be read, and counts the body.

    FastAPI would read all of a stranger's body before it looks at the key. The routes find who
    asks in `request.state.principal`, and the tenant's turn in `request.state.turn`.

    Args:
        app: What is guarded.
        keyring: Knows the keys.
        limits: The most that one body may have.
        room: Has turns for each tenant.
        refusal: Makes the answer to a path of an error of ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        limits: BodyLimits,
        room: Room,
        refusal: Callable[[str, Exception], Response],
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._limits = limits
        self._room = room
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        receive = bounded(receive, scope["path"], headers, self._limits)
        if not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._principal(headers)
            turn = await self._room.turns.take(principal.submits_as)
        except (ProducerError, LedgerError) as error:
            await self._refusal(scope["path"], error)(scope, receive, send)
            return
        scope.setdefault("state", {}).update(principal=principal, turn=turn)
        with turn:
            await self._app(scope, receive, send)

    async def _principal(self, headers: Headers) -> Principal:
        sent = headers.get("authorization", "")
        bearer = sent.lower().startswith(_BEARER)
        principal = await self._keyring.principal(sent[len(_BEARER) :].strip()) if bearer else None
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
