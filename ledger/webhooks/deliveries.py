"""Deliveries: listed with every attempt, and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import DeliveryOpenError, EndpointDisabledError
from ledger.page import Cursor, Page, Stretch
from ledger.record import from_unix_ms, read_history
from ledger.scripts import Scripts
from ledger.stored import read_whole
from ledger.token import new_token
from schemas.failure import Failure
from schemas.ids import DELIVERY_PREFIX, JOB_PREFIX, RecordKind, record_kind
from schemas.states import JobState
from schemas.webhooks.delivery import Delivery, DeliveryFilter, DeliverySpec

_BATCH = 200
_LOOKED_AT = 2_000
"""Maximum deliveries that are looked at for one page, however few of them meet the filter."""


class Deliveries:
    """The deliveries of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, delivery_id: str) -> Delivery | None:
        """Return a delivery, or None for an unknown id."""
        if record_kind(delivery_id) is not RecordKind.DELIVERY:
            return None
        found = await read_whole(self._redis, [delivery_id])
        return read_delivery(*found[0]) if found else None

    async def page(
        self, tenant: str, which: DeliveryFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[Delivery]:
        """Return one page of a tenant's deliveries that meet the filter.

        Args:
            tenant: The owner of the deliveries.
            which: Conditions, which must all hold.
            after: The cursor of an earlier page.
            limit: The maximum number of deliveries; fewer does not mean that there are no more.

        Raises:
            CursorError: `after` is no cursor.
        """
        found: list[Delivery] = []
        looked_at = 0
        async for places in self._places(tenant, which, after):
            for delivery in await self._read(tenant, which, places):
                if len(found) == limit:
                    return Page(tuple(found), str(_place(found[-1])))
                found.append(delivery)
            looked_at += len(places)
            if looked_at >= _LOOKED_AT:
                return Page(tuple(found), str(places[-1]))
        return Page(tuple(found), None)

    async def each(
        self, tenant: str, which: DeliveryFilter, *, after: str | None = None
    ) -> AsyncIterator[Delivery]:
        """Yield a tenant's deliveries that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor.
        """
        async for places in self._places(tenant, which, after):
            for delivery in await self._read(tenant, which, places):
                yield delivery

    async def _places(
        self, tenant: str, which: DeliveryFilter, after: str | None
    ) -> AsyncIterator[list[Cursor]]:
        """Yield places in batches, read by time and not by count: deliveries come and go."""
        name = keys.DELIVERIES_OF.format(tenant=tenant)
        if which.endpoint is not None:
            name = keys.DELIVERIES_TO.format(endpoint=which.endpoint)
        newest, oldest_ms = Stretch.of(which, after)
        from_ms, passed = newest.at_ms, 0
        while True:
            async with available():
                entries: Any = await self._redis.zrange(
                    name, from_ms, oldest_ms, desc=True, byscore=True, withscores=True,
                    offset=passed, num=_BATCH,
                )  # fmt: skip
            if not entries:
                return
            read = [Cursor(int(at_ms), one) for one, at_ms in entries]
            if older := [place for place in read if place < newest]:
                yield older
            # The next batch begins at the last time of this one, after the entries that were read.
            last_ms = int(entries[-1][1])
            same = sum(1 for _, at_ms in entries if at_ms == last_ms)
            from_ms, passed = last_ms, passed + same if last_ms == from_ms else same

    async def _read(
        self, tenant: str, which: DeliveryFilter, places: Sequence[Cursor]
    ) -> list[Delivery]:
        mark = DELIVERY_PREFIX
        if which.job is not None:
            mark += f"{which.job.removeprefix(JOB_PREFIX)}_"
        ids = [place.id for place in places if place.id.startswith(mark)]
        read = [read_delivery(*record) for record in await read_whole(self._redis, ids)]
        return [one for one in read if one.tenant == tenant and _meets(one, which)]

    async def replay(self, delivery_id: str, *, acknowledged: bool = False) -> bool:
        """Send a delivery again, or now.

        Args:
            delivery_id: The delivery's id.
            acknowledged: True to send it again even though it was acknowledged.

        Returns:
            True when it is sent: it exists and, unless `acknowledged`, was not acknowledged.

        Raises:
            DeliveryOpenError: The delivery is being sent, or is about to be.
            EndpointDisabledError: Its endpoint is disabled or deleted.
        """
        if record_kind(delivery_id) is not RecordKind.DELIVERY:
            return False
        outcome, state = await self._scripts.run(
            "replay",
            [keys.record(delivery_id)],
            [delivery_id, new_token(), int(acknowledged)],
        )
        if outcome == "refused":
            raise DeliveryOpenError(f"{delivery_id} is {state}: it is about to be sent")
        if outcome == "disabled":
            raise EndpointDisabledError(
                f"the endpoint of {delivery_id} is disabled: enable it first"
            )
        return bool(outcome == "replayed")


def read_delivery(delivery_id: str, fields: Mapping[str, str], history: Sequence[str]) -> Delivery:
    """Return the delivery of a hash and its history."""
    spec = DeliverySpec.model_validate_json(fields["spec"])
    failure = fields.get("failure")
    return Delivery(
        id=delivery_id,
        state=JobState(fields["state"]),
        type=spec.type,
        tenant=spec.tenant,
        endpoint=spec.endpoint,
        url=spec.url,
        job_id=spec.job,
        sequence=spec.sequence if spec.job else None,
        attempts=int(fields["attempts"]),
        created_at=from_unix_ms(fields["created"]),
        closed_at=from_unix_ms(fields["closed"]) if "closed" in fields else None,
        due_at=from_unix_ms(fields["due"]) if "due" in fields else None,
        failure=Failure.model_validate_json(failure) if failure else None,
        history=read_history(history),
    )


def _meets(delivery: Delivery, which: DeliveryFilter) -> bool:
    return (
        which.endpoint in {None, delivery.endpoint}
        and which.job in {None, delivery.job_id}
        and which.state in {None, delivery.state}
    )


def _place(delivery: Delivery) -> Cursor:
    return Cursor.of(delivery.created_at, delivery.id)
