"""Endpoints in Redis: created, changed, disabled and deleted, with sealed secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.access.sealed_secret import SealedSecret, read_secrets, shown_secrets, write_secrets
from ledger.connection import available
from ledger.errors import EndpointChangedError, EndpointDisabledError, TooManyEndpointsError
from ledger.record import from_unix_ms
from ledger.scripts import Scripts
from ledger.share import check_share
from schemas.failure import Failure, FailureCode
from schemas.ids import new_delivery_id
from schemas.quota import NO_QUOTA, Quota
from schemas.webhooks.endpoint import (
    DisabledReason,
    Endpoint,
    EndpointState,
    SecretKind,
)

MOST_ENDPOINTS = 16
"""Maximum endpoints of one tenant: the end of each job opens one delivery for each endpoint."""
_BATCH = 200


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint, with the parts that only docfleet may see.

    Attributes:
        endpoint: The endpoint as its owner sees it.
        url: The receiver's URL, with its secret parts.
        secrets: All secrets that were not forgotten, the newest first.
        version: Number of changes.
    """

    endpoint: Endpoint
    url: str
    secrets: tuple[SealedSecret, ...]
    version: str


class EndpointRecords:
    """The endpoints of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, endpoint_id: str) -> StoredEndpoint | None:
        """Return an endpoint, or None for an unknown id."""
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.ENDPOINT.format(id=endpoint_id))
            pipe.hget(keys.RECEIVER.format(receiver=endpoint_id), "failing")
            pipe.time()
            fields, failing, (seconds, _) = await pipe.execute()
        return _read(endpoint_id, fields, failing, from_unix_ms(seconds * 1000)) if fields else None

    async def of_tenant(self, tenant: str) -> Sequence[Endpoint]:
        """Return a tenant's endpoints, the oldest first."""
        async with available():
            found: Any = await self._redis.smembers(keys.ENDPOINTS.format(tenant=tenant))
        stored = [await self.get(endpoint_id) for endpoint_id in found]
        endpoints = [one.endpoint for one in stored if one is not None]
        return sorted(endpoints, key=lambda one: (one.created_at, one.id))

    async def ids(self) -> AsyncIterator[str]:
        """Yield the endpoints of all tenants, in no order; a new one may be missing."""
        every = keys.ENDPOINT.format(id="*")
        async with available():
            async for name in self._redis.scan_iter(match=every, count=_BATCH):
                yield str(name).removeprefix(keys.ENDPOINT.format(id=""))

    async def create(
        self,
        endpoint_id: str,
        tenant: str,
        fields: Mapping[str, str],
        secrets: Sequence[SealedSecret],
        quota: Quota = NO_QUOTA,
    ) -> None:
        """Write a new endpoint.

        Args:
            endpoint_id: The new id.
            tenant: The owner of the endpoint.
            fields: Content of the endpoint.
            secrets: Secrets that sign its events.
            quota: Limits of the tenant.

        Raises:
            TooManyEndpointsError: The tenant has its maximum number of endpoints.
            TenantShareError: The tenant's records take as much of the ledger's memory as they may.
        """
        named = {**fields, "secrets": write_secrets(secrets)}
        await self._put(endpoint_id, tenant, "", named, quota=quota)

    async def change(
        self,
        stored: StoredEndpoint,
        fields: Mapping[str, str],
        secrets: Sequence[SealedSecret] | None = None,
        *,
        enable: bool = False,
    ) -> bool:
        """Change an endpoint that was read before; return whether it still exists.

        Args:
            stored: The endpoint as it was read.
            fields: The new values.
            secrets: The new secrets, in place of the old ones.
            enable: True to send to it again, and to forget its failures.

        Raises:
            EndpointChangedError: Somebody else changed the endpoint meanwhile.
        """
        sealed = {} if secrets is None else {"secrets": write_secrets(secrets)}
        endpoint = stored.endpoint
        return await self._put(
            endpoint.id, endpoint.tenant, stored.version, {**fields, **sealed}, enable=enable
        )

    async def _put(
        self,
        endpoint_id: str,
        tenant: str,
        version: str,
        fields: Mapping[str, str],
        *,
        enable: bool = False,
        quota: Quota = NO_QUOTA,
    ) -> bool:
        flat = [word for pair in (fields or {"tenant": tenant}).items() for word in pair]
        answer = await self._scripts.run(
            "put_endpoint",
            [keys.ENDPOINT.format(id=endpoint_id)],
            [endpoint_id, tenant, version, MOST_ENDPOINTS, int(enable), quota.stored, *flat],
        )
        check_share(tenant, answer)
        outcome = answer[0]
        if outcome == "full":
            raise TooManyEndpointsError(f"a tenant may have {MOST_ENDPOINTS} endpoints")
        if outcome == "changed":
            raise EndpointChangedError(f"{endpoint_id} was changed meanwhile: try again")
        return bool(outcome == "done")

    async def disable(self, endpoint_id: str, reason: DisabledReason) -> None:
        """Disable an endpoint: send nothing more, tell the tenant's others, bury its deliveries."""
        failure = Failure.of(FailureCode.DELIVERY_DISABLED, f"{endpoint_id} is disabled: {reason}.")
        text, notice, looked_at = failure.model_dump_json(exclude_none=True), new_delivery_id(), 0
        while looked_at >= 0:
            looked_at = await self._scripts.run(
                "disable_endpoint",
                [keys.ENDPOINT.format(id=endpoint_id)],
                [endpoint_id, reason, text, notice, looked_at, _BATCH],
            )

    async def delete(self, endpoint_id: str) -> bool:
        """Forget an endpoint; return whether it existed. Disable it first."""
        return bool(
            await self._scripts.run(
                "delete_endpoint", [keys.ENDPOINT.format(id=endpoint_id)], [endpoint_id]
            )
        )

    async def test(self, endpoint_id: str) -> str | None:
        """Send a test event; return the delivery's id, or None for an unknown endpoint.

        Raises:
            EndpointDisabledError: The endpoint is disabled.
        """
        delivery_id = new_delivery_id()
        outcome = await self._scripts.run(
            "test_endpoint", [keys.ENDPOINT.format(id=endpoint_id)], [endpoint_id, delivery_id]
        )
        if outcome == "disabled":
            raise EndpointDisabledError(f"{endpoint_id} is disabled: enable it first")
        return delivery_id if outcome == "sent" else None


def _read(
    endpoint_id: str, fields: Mapping[str, str], failing: str | None, now: datetime
) -> StoredEndpoint:
    secrets = read_secrets(fields["secrets"])
    endpoint = Endpoint(
        id=endpoint_id,
        tenant=fields["tenant"],
        url=fields["url"],
        events=tuple(fields["events"].split()),
        payload=fields["payload"],
        description=fields["description"],
        concurrency=int(fields["concurrency"]),
        v1a=any(one.kind is SecretKind.V1A and one.expires_at is None for one in secrets),
        client_certificate=fields.get("certificate") or None,
        state=EndpointState(fields["state"]),
        reason=DisabledReason(fields["reason"]) if "reason" in fields else None,
        disabled_at=from_unix_ms(fields["disabled"]) if "disabled" in fields else None,
        failing_since=from_unix_ms(failing) if failing else None,
        created_at=from_unix_ms(fields["created"]),
        secrets=shown_secrets(secrets, now),
    )
    return StoredEndpoint(endpoint, fields["url"], secrets, fields["version"])
