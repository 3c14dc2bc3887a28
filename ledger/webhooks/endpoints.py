"""The endpoints in Redis: written, changed, disabled, deleted. Their secrets are sealed here."""

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
"""Of one tenant: each of its jobs' ends opens as many deliveries."""
_BATCH = 200


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint and what only docfleet may see of it.

    Attributes:
        endpoint: As its owner sees it.
        url: Of the receiver, whole.
        secrets: All that were not forgotten, the newest first.
        version: Counts the changes.
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
        """An endpoint, or None when there is none of this id."""
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.ENDPOINT.format(id=endpoint_id))
            pipe.hget(keys.RECEIVER.format(receiver=endpoint_id), "failing")
            pipe.time()
            fields, failing, (seconds, _) = await pipe.execute()
        return _read(endpoint_id, fields, failing, from_unix_ms(seconds * 1000)) if fields else None

    async def of_tenant(self, tenant: str) -> Sequence[Endpoint]:
        """A tenant's endpoints, the oldest first."""
        async with available():
            found: Any = await self._redis.smembers(keys.ENDPOINTS.format(tenant=tenant))
        stored = [await self.get(endpoint_id) for endpoint_id in found]
        endpoints = [one.endpoint for one in stored if one is not None]
        return sorted(endpoints, key=lambda one: (one.created_at, one.id))

    async def ids(self) -> AsyncIterator[str]:
        """The endpoints of all tenants, in no order; one that is new may be left out."""
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
        """Write an endpoint that is new.

        Args:
            endpoint_id: New.
            tenant: Whose.
            fields: What it is.
            secrets: What its events are signed with.
            quota: The most that the tenant may have.

        Raises:
            TooManyEndpointsError: The tenant has as many as it may have.
            TenantShareError: The tenant's records take as much of the ledger as they may.
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
        """Change an endpoint that was read before; gives whether it is still there.

        Args:
            stored: As it was read.
            fields: What is to be different.
            secrets: Take the place of those that it has.
            enable: Send to it again, and forget how it failed.

        Raises:
            EndpointChangedError: Somebody else changed it meanwhile.
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
        """Send it nothing more, tell the tenant's others, bury what waits for it."""
        failure = Failure.of(FailureCode.DELIVERY_DISABLED, f"{endpoint_id} is disabled: {reason}.")
        text, notice, looked_at = failure.model_dump_json(exclude_none=True), new_delivery_id(), 0
        while looked_at >= 0:
            looked_at = await self._scripts.run(
                "disable_endpoint",
                [keys.ENDPOINT.format(id=endpoint_id)],
                [endpoint_id, reason, text, notice, looked_at, _BATCH],
            )

    async def delete(self, endpoint_id: str) -> bool:
        """Forget an endpoint; gives whether there was one. Disable it first."""
        return bool(
            await self._scripts.run(
                "delete_endpoint", [keys.ENDPOINT.format(id=endpoint_id)], [endpoint_id]
            )
        )

    async def test(self, endpoint_id: str) -> str | None:
        """Send it a test event; gives the delivery's id, or None when there is no such endpoint.

        Raises:
            EndpointDisabledError: It is disabled.
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
