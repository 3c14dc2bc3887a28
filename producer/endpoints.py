"""Services for callbacks: endpoints, their secrets, and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ledger.access.secret_box import SecretBox
from ledger.errors import DeliveryOpenError
from ledger.ledger import Ledger
from ledger.page import Page
from ledger.webhooks.endpoints import StoredEndpoint
from producer.audit_trail import AuditTrail
from producer.callbacks.rules import check_scheme
from producer.callbacks.signing import new_secrets, resealed, rotated_out
from producer.errors import UnconfirmedError, UnknownDeliveryError, UnknownEndpointError
from schemas.audit import AuditAction
from schemas.ids import new_endpoint_id
from schemas.quota import Quota
from schemas.states import JobState
from schemas.webhooks.delivery import Delivery, DeliveryFilter, Replay, Replayed
from schemas.webhooks.endpoint import (
    CreatedEndpoint,
    DisabledReason,
    Endpoint,
    EndpointChange,
    EndpointRequest,
    EndpointState,
    NewSecret,
    SecretRotation,
)
from settings.sections.callbacks import CallbackSettings

_ANY_RECEIVER = CallbackSettings()


class Endpoints:
    """Endpoints and deliveries of the fleet's tenants.

    Every method may raise LedgerUnavailableError: try again later.

    Args:
        ledger: Holds the records.
        box: Seals their secrets.
        audit: Records changes and replays.
        quota: Returns a tenant's limits in the ledger.
        settings: Rules for receivers.
    """

    def __init__(
        self,
        ledger: Ledger,
        box: SecretBox,
        audit: AuditTrail,
        quota: Callable[[str], Quota],
        settings: CallbackSettings = _ANY_RECEIVER,
    ) -> None:
        self._settings = settings
        self._endpoints = ledger.endpoints
        self._deliveries = ledger.deliveries
        self._box = box
        self._audit = audit
        self._quota = quota

    async def create(self, tenant: str, request: EndpointRequest) -> CreatedEndpoint:
        """Register an endpoint; its secret is never shown again.

        Raises:
            RequestError: The receiver has no TLS, and the fleet requires it.
            SecretBoxError: There is no key to seal it with.
            TooManyEndpointsError: The tenant has its maximum number of endpoints.
            TenantShareError: The tenant's records take as much of the ledger's memory as they may.
        """
        check_scheme(request.url, self._settings)
        endpoint_id = new_endpoint_id()
        new, sealed = new_secrets(self._box, v1a=request.v1a)
        quota = self._quota(tenant)
        await self._endpoints.create(endpoint_id, tenant, _fields(request), sealed, quota)
        made = await self.get(tenant, endpoint_id)
        await self._audit.record(
            AuditAction.ENDPOINT_CREATED,
            tenant=tenant,
            target=endpoint_id,
            detail=f"{made.url.scheme}://{made.url.host}:{made.url.port}",
        )
        return CreatedEndpoint(**made.model_dump(), **new.model_dump())

    async def of_tenant(self, tenant: str) -> Sequence[Endpoint]:
        """Return a tenant's endpoints, the oldest first."""
        return await self._endpoints.of_tenant(tenant)

    async def get(self, tenant: str, endpoint_id: str) -> Endpoint:
        """Return an endpoint as it is now.

        Raises:
            UnknownEndpointError: The tenant has no such endpoint.
        """
        return (await self._stored(tenant, endpoint_id)).endpoint

    async def change(self, tenant: str, endpoint_id: str, change: EndpointChange) -> Endpoint:
        """Change the named fields; enabling forgets failures, disabling buries deliveries.

        Raises:
            UnknownEndpointError: The tenant has no such endpoint.
            RequestError: The receiver has no TLS, and the fleet requires it.
            EndpointChangedError: Somebody else changed it meanwhile.
        """
        if change.url is not None:
            check_scheme(change.url, self._settings)
        stored = await self._stored(tenant, endpoint_id)
        enable = change.state is EndpointState.ENABLED
        if not await self._endpoints.change(stored, _fields(change), enable=enable):
            raise _unknown_endpoint(endpoint_id)
        if change.state is EndpointState.DISABLED:
            await self._endpoints.disable(endpoint_id, DisabledReason.ASKED)
        await self._audit.record(
            AuditAction.ENDPOINT_CHANGED,
            tenant=tenant,
            target=endpoint_id,
            detail=" ".join(sorted(change.model_fields_set)),
        )
        return await self.get(tenant, endpoint_id)

    async def rotate(self, tenant: str, endpoint_id: str, how: SecretRotation) -> NewSecret:
        """Make a new secret; the old ones still sign for a while.

        Raises:
            UnknownEndpointError: The tenant has no such endpoint.
            SecretBoxError: There is no key to seal it with.
            EndpointChangedError: Somebody else changed it meanwhile.
        """
        stored = await self._stored(tenant, endpoint_id)
        new, sealed = new_secrets(self._box, v1a=stored.endpoint.v1a)
        old = rotated_out(self._box, stored.secrets, how)
        if not await self._endpoints.change(stored, {}, [*sealed, *old]):
            raise _unknown_endpoint(endpoint_id)
        await self._audit.record(
            AuditAction.ENDPOINT_SECRET_ROTATED, tenant=tenant, target=endpoint_id
        )
        return new

    async def reseal(self) -> int:
        """Seal the secrets of all tenants with the first key; return how many endpoints have any.

        Raises:
            SecretBoxError: No key opens a secret.
            EndpointChangedError: Somebody else changed an endpoint meanwhile.
        """
        count = 0
        async for endpoint_id in self._endpoints.ids():
            stored = await self._endpoints.get(endpoint_id)
            if stored is None:
                continue
            sealed = resealed(self._box, stored.secrets)
            count += await self._endpoints.change(stored, {}, sealed)
        await self._audit.record(AuditAction.SECRETS_RESEALED, detail=f"{count} endpoints")
        return count

    async def delete(self, tenant: str, endpoint_id: str) -> None:
        """Forget an endpoint; its waiting deliveries become dead letters.

        Raises:
            UnknownEndpointError: The tenant has no such endpoint.
        """
        await self._stored(tenant, endpoint_id)
        await self._endpoints.disable(endpoint_id, DisabledReason.ASKED)
        await self._endpoints.delete(endpoint_id)
        await self._audit.record(AuditAction.ENDPOINT_DELETED, tenant=tenant, target=endpoint_id)

    async def test(self, tenant: str, endpoint_id: str) -> Delivery:
        """Send a test event, under the same rules as every other event.

        Raises:
            UnknownEndpointError: The tenant has no such endpoint.
            EndpointDisabledError: The endpoint is disabled.
        """
        await self._stored(tenant, endpoint_id)
        delivery_id = await self._endpoints.test(endpoint_id)
        if delivery_id is None:
            raise _unknown_endpoint(endpoint_id)
        return await self.delivery(tenant, delivery_id)

    async def delivery(self, tenant: str, delivery_id: str) -> Delivery:
        """Return a delivery with every attempt.

        Raises:
            UnknownDeliveryError: The tenant has no such delivery.
        """
        delivery = await self._deliveries.get(delivery_id)
        if delivery is None or delivery.tenant != tenant:
            raise UnknownDeliveryError(f"there is no delivery {delivery_id}")
        return delivery

    async def deliveries(
        self, tenant: str, which: DeliveryFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Delivery]:
        """Return one page of the deliveries that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        return await self._deliveries.page(tenant, which, after=after, limit=limit)

    async def replay(self, tenant: str, delivery_id: str) -> Delivery:
        """Send a delivery again, even an acknowledged one; send it at once if it waits.

        Raises:
            UnknownDeliveryError: The tenant has no such delivery.
            DeliveryOpenError: The delivery is about to be sent anyway.
            EndpointDisabledError: Its endpoint is disabled or deleted.
        """
        await self.delivery(tenant, delivery_id)
        await self._deliveries.replay(delivery_id, acknowledged=True)
        await self._audit.record(AuditAction.REPLAYED, tenant=tenant, target=delivery_id)
        return await self.delivery(tenant, delivery_id)

    async def replay_many(self, tenant: str, which: Replay) -> Replayed:
        """Send again the unacknowledged deliveries that meet the filter, the oldest first.

        Raises:
            UnconfirmedError: Acknowledged deliveries are asked for too, without confirmation.
            EndpointDisabledError: The endpoint of one of them is disabled; some may already be on
                their way.
        """
        found = [(one.id, one.state) async for one in self._deliveries.each(tenant, which)]
        acknowledged = sum(state is JobState.SUCCEEDED for _, state in found)
        if which.acknowledged and acknowledged and not which.confirmed:
            raise UnconfirmedError(
                f"{acknowledged:,} of these {len(found):,} deliveries were acknowledged: a receiver"
                " that does not drop the ids that it has seen acts twice; confirm to send them"
            )
        replayed = 0
        for delivery_id, _ in reversed(found):
            with suppress(DeliveryOpenError):
                replayed += await self._deliveries.replay(
                    delivery_id, acknowledged=which.acknowledged
                )
        if replayed:
            await self._audit.record(
                AuditAction.REPLAYED, tenant=tenant, detail=f"{replayed:,} deliveries"
            )
        return Replayed(replayed=replayed, acknowledged=0 if which.acknowledged else acknowledged)

    async def _stored(self, tenant: str, endpoint_id: str) -> StoredEndpoint:
        stored = await self._endpoints.get(endpoint_id)
        if stored is None or stored.endpoint.tenant != tenant:
            raise _unknown_endpoint(endpoint_id)
        return stored


def _fields(asked: EndpointRequest | EndpointChange) -> dict[str, str]:
    """Return the ledger's fields of a request; for a change, only the named ones."""
    named: dict[str, Any] = asked.model_dump(
        mode="json",
        exclude={"state", "v1a"},
        exclude_unset=isinstance(asked, EndpointChange),
    )
    fields = {}
    for name, value in named.items():
        if name == "client_certificate":
            fields["certificate"] = value or ""
        elif value is not None:
            fields[name] = " ".join(value) if name == "events" else str(value)
    return fields


def _unknown_endpoint(endpoint_id: str) -> UnknownEndpointError:
    return UnknownEndpointError(f"there is no endpoint {endpoint_id}")
