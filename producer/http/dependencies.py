"""Dependencies of the routes: the client, ids in the path, and the principal."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from producer.access.principal import Principal
from producer.client import Client
from producer.http.limits.room import Room
from schemas.api_key import Scope

JobId = Annotated[str, Path(examples=["job_6f0c2f1c5e0c4d0b8a7d9e3f"])]
EndpointId = Annotated[str, Path(examples=["ep_9f0c2f1c5e0c4d0b"])]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key that `docfleet keys create` has made; each operation names its scope.",
)


# These are coroutines: FastAPI would send plain functions to a thread, which costs a third of a
# request's time.
async def _client(request: Request) -> Client:
    client: Client = request.app.state.client
    return client


async def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


async def _authorized(
    request: Request,
    scopes: SecurityScopes,
    _sent: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    principal: Principal = request.state.principal  # the guard has verified the key
    for scope in scopes.scopes:
        principal.check(Scope(scope))
    return principal


def requires(scope: Scope) -> Any:
    """Return a dependency that gives the principal, or raises ForbiddenError without the scope."""
    return Security(_authorized, scopes=[scope.value])


ClientOfApp = Annotated[Client, Depends(_client)]
RoomOfApp = Annotated[Room, Depends(_room)]
Submits = Annotated[Principal, requires(Scope.SUBMIT)]
Reads = Annotated[Principal, requires(Scope.READ)]
Operates = Annotated[Principal, requires(Scope.OPERATE)]
Administers = Annotated[Principal, requires(Scope.ADMIN)]


async def _administering_fleet(principal: Administers) -> Principal:
    principal.check_fleet()
    return principal


AdministersFleet = Annotated[Principal, Depends(_administering_fleet)]
"""Principal of a request that changes what all tenants share."""


async def _submitting(principal: Submits) -> str:
    return principal.submits_as


async def _reading(principal: Reads) -> str:
    return principal.submits_as


async def _operating(principal: Operates) -> str:
    return principal.submits_as


SubmittingTenant = Annotated[str, Depends(_submitting)]
ReadTenant = Annotated[str, Depends(_reading)]
OperatedTenant = Annotated[str, Depends(_operating)]
"""Tenant whose endpoints, files and batches a request is about, for a key with the scope."""
