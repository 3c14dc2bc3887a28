"""The deliveries: looked through, with every attempt, and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ledger.connection import available
from ledger.errors import CursorError, DeliveryOpenError, EndpointDisabledError
from ledger.record import moment, read_history
from ledger.script import Scripts
from ledger.token import new_token
from schemas import keys
from schemas.delivery import Delivery, DeliveryFilter, DeliverySpec
from schemas.failure import Failure
from schemas.states import JobState

_BATCH = 200
_PREFIX = "msg_"


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, the newest first.

    Attributes:
        items: At most as many as asked for.
        next: The cursor of the page after this one; None on the last.
    """

    items: tuple[Delivery, ...]
    next: str | None


class Deliveries:
    """The deliveries of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def get(self, delivery_id: str) -> Delivery | None:
        """A delivery, or None when there is none of this id."""
        found = await self._read([delivery_id]) if delivery_id.startswith(_PREFIX) else []
        return found[0] if found else None

    async def page(
        self, tenant: str, which: DeliveryFilter, *, after: str | None = None, limit: int = 100
    ) -> DeliveryPage:
        """Some of a tenant's deliveries that meet the filter.

        Args:
            tenant: Whose.
            which: Conditions that all must hold.
            after: The cursor of an earlier page.
            limit: The most of them.

        Raises:
            CursorError: `after` is no cursor.
        """
        found: list[Delivery] = []
        async for delivery in self.each(tenant, which, after=after):
            if len(found) == limit:
                return DeliveryPage(tuple(found), _cursor(found[-1]))
            found.append(delivery)
        return DeliveryPage(tuple(found), None)

    async def each(
        self, tenant: str, which: DeliveryFilter, *, after: str | None = None
    ) -> AsyncIterator[Delivery]:
        """A tenant's deliveries that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor.
        """
        async for ids in self._ids(which, after):
            for delivery in await self._read(ids):
                if delivery.tenant == tenant and _meets(delivery, which):
                    yield delivery

    async def _ids(self, which: DeliveryFilter, after: str | None) -> AsyncIterator[list[str]]:
        """Ids in batches, read by time and not by count: deliveries are opened and forgotten."""
        name = keys.DELIVERIES
        if which.endpoint is not None:
            name = keys.DELIVERIES_TO.format(endpoint=which.endpoint)
        mark = f"{_PREFIX}{which.job.partition('_')[2]}_" if which.job is not None else _PREFIX
        newest = "+inf" if which.before is None else f"({_milliseconds(which.before)}"
        oldest = "-inf" if which.after is None else str(_milliseconds(which.after))
        last_time, last_id = _read_cursor(after) if after is not None else (None, "")
        if last_time is not None:
            newest = str(last_time)
        passed = 0
        while True:
            async with available():
                entries: Any = await self._redis.zrange(
                    name, newest, oldest, desc=True, byscore=True, withscores=True,
                    offset=passed, num=_BATCH,
                )  # fmt: skip
            if not entries:
                return
            yield [
                delivery_id
                for delivery_id, time in entries
                if delivery_id.startswith(mark)
                and (last_time is None or time < last_time or delivery_id < last_id)
            ]
            # The next batch begins at the last time of this one, past what was seen of it.
            time = int(entries[-1][1])
            same = sum(1 for _, other in entries if other == time)
            passed = passed + same if str(time) == newest else same
            newest = str(time)

    async def _read(self, ids: Sequence[str]) -> list[Delivery]:
        if not ids:
            return []
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            for delivery_id in ids:
                pipe.hgetall(keys.record(delivery_id))
                pipe.lrange(keys.history(delivery_id), 0, -1)
            answers = iter(await pipe.execute())
        return [
            read_delivery(delivery_id, fields, history)
            for delivery_id, fields, history in zip(ids, answers, answers, strict=True)
            if fields
        ]

    async def replay(self, delivery_id: str) -> bool:
        """Send a delivery again, or now.

        Returns:
            Whether there is such a delivery.

        Raises:
            DeliveryOpenError: It is being sent, or about to be.
            EndpointDisabledError: Its endpoint is disabled, or is no more.
        """
        if not delivery_id.startswith(_PREFIX):
            return False
        outcome, state = await self._scripts.run(
            "replay", [keys.record(delivery_id)], [delivery_id, new_token()]
        )
        if outcome == "refused":
            raise DeliveryOpenError(f"{delivery_id} is {state}: it is about to be sent")
        if outcome == "disabled":
            raise EndpointDisabledError(
                f"the endpoint of {delivery_id} is disabled: enable it first"
            )
        return bool(outcome != "unknown")


def read_delivery(delivery_id: str, fields: Mapping[str, str], history: Sequence[str]) -> Delivery:
    """A delivery from its hash and its history."""
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
        created_at=moment(fields["created"]),
        closed_at=moment(fields["closed"]) if "closed" in fields else None,
        due_at=moment(fields["due"]) if "due" in fields else None,
        failure=Failure.model_validate_json(failure) if failure else None,
        history=read_history(history),
    )


def _meets(delivery: Delivery, which: DeliveryFilter) -> bool:
    return (
        which.endpoint in {None, delivery.endpoint}
        and which.job in {None, delivery.job_id}
        and which.state in {None, delivery.state}
    )


def _cursor(delivery: Delivery) -> str:
    return f"{_milliseconds(delivery.created_at)}-{delivery.id}"


def _read_cursor(text: str) -> tuple[int, str]:
    score, dash, delivery_id = text.partition("-")
    if not dash or not score.isdecimal():
        raise CursorError(f"{text!r} is no cursor: take `next` of an earlier page")
    return int(score), delivery_id


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
