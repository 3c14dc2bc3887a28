"""The tally: accepted jobs, compared with the ledger, the result objects and the events."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from redis.exceptions import RedisError

from chaos.parts.fleet import Fleet
from chaos.parts.load import Load
from chaos.parts.receiver import CountingReceiver
from chaos.row import Row
from demo.drop import s3_client
from ledger import keys
from schemas.ids import result_key
from schemas.states import JobState

_T = TypeVar("_T")
_BATCH = 500
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_FEW = 500
_DONE = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})


@dataclass(frozen=True, slots=True)
class Record:
    """The ledger's record of one job.

    Attributes:
        state: State; None for an unknown job.
        worker: The last worker that claimed it.
        attempts: Charged attempts of the present stage.
        code: Code of its failure.
        history: Attempts without success.
    """

    state: JobState | None
    worker: str
    attempts: int
    code: str
    history: tuple[dict[str, Any], ...]


async def patiently(call: Callable[[], Awaitable[_T]]) -> _T:
    """Ask Redis until it answers: it may be away on purpose."""
    while True:
        try:
            return await call()
        except (RedisError, OSError):
            await asyncio.sleep(_PAUSE_SECONDS)


async def read_records(fleet: Fleet, job_ids: Collection[str]) -> dict[str, Record]:
    """Return the records of these jobs."""
    ids, records = list(job_ids), {}
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        async with fleet.redis.pipeline(transaction=False) as pipe:
            for one in batch:
                pipe.hmget(keys.record(one), "state", "worker", "attempts", "failure")
                pipe.lrange(keys.history(one), 0, -1)
            answers = iter(await pipe.execute())
        for one, fields, history in zip(batch, answers, answers, strict=True):
            records[one] = _record(fields, history)
    return records


def _record(fields: list[str | None], history: list[str]) -> Record:
    state, worker, attempts, failure = fields
    return Record(
        state=JobState(state) if state else None,
        worker=worker or "",
        attempts=int(attempts or 0),
        code=json.loads(failure)["code"] if failure else "",
        history=tuple(json.loads(entry) for entry in history),
    )


class Tally:
    """The tally of one drill.

    Args:
        fleet: The fleet.
        load: The accepted jobs.
        receiver: The received events.
    """

    def __init__(self, fleet: Fleet, load: Load, receiver: CountingReceiver) -> None:
        self._fleet, self._load, self._receiver = fleet, load, receiver
        self._s3 = s3_client(fleet.environment)
        self._tags: defaultdict[str, set[str]] = defaultdict(set)
        self._closed_before = 0

    async def open(self) -> None:
        """Begin to count, and to look for result objects that change."""
        self._closed_before = await self._closed()
        self._watching = asyncio.create_task(self._watch_results())

    async def _closed(self) -> int:
        """Return how many jobs the ledger has closed."""
        counts = await patiently(lambda: self._fleet.redis.hgetall(keys.CLOSED))
        return sum(int(count) for name, count in counts.items() if str(name).startswith("job:"))

    async def _watch_results(self) -> None:
        """Look at each result object's tag repeatedly: a tag that changes means a second write."""
        while True:
            started = monotonic()
            with suppress(BotoCoreError, ClientError):
                await asyncio.to_thread(self._list_results)
            # A long listing must not become a load of its own.
            await asyncio.sleep(max(_LOOK_SECONDS * 3, 10 * (monotonic() - started)))

    def _list_results(self) -> set[str]:
        bucket, found = self._fleet.settings.results_bucket, set()
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                self._tags[entry["Key"]].add(entry["ETag"])
                found.add(entry["Key"])
        return found

    async def settle(self, patience_seconds: float, patience_for_missing: float) -> None:
        """Wait until every job has ended and is reported, or nothing happens any more.

        Args:
            patience_seconds: Maximum seconds without progress.
            patience_for_missing: Maximum seconds without progress when all remaining jobs lack a
                record.
        """
        await self._load.resolve_drops()
        last, since = (-1, -1), monotonic()
        while True:
            untold = self._load.accepted.keys() - self._receiver.events.keys()
            open_jobs = 0
            if len(untold) <= _FEW:  # an earlier look at all records would only slow the fleet down
                records = await patiently(lambda: read_records(self._fleet, self._load.accepted))
                states = [record.state for record in records.values()]
                open_jobs = sum(state is not None and not state.closed for state in states)
                if not untold and not open_jobs:
                    return
                is_missing = not open_jobs and all(records[one].state is None for one in untold)
                patience = patience_for_missing if is_missing else patience_seconds
                if monotonic() - since > patience:
                    return
            if (len(untold), open_jobs) != last:
                last, since = (len(untold), open_jobs), monotonic()
            if monotonic() - since > patience_seconds:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def count(
        self, row: Row, *, counts_ends: bool = True, forgets: bool = False
    ) -> dict[str, Record]:
        """Fill the row; return the records.

        Args:
            row: The row.
            counts_ends: True when the ledger's own count of ends must match the jobs.
            forgets: True when a job with a result and an event may lack a record.
        """
        self._watching.cancel()
        present = await asyncio.to_thread(self._list_results)
        accepted, events = self._load.accepted, self._receiver.events
        records = await patiently(lambda: read_records(self._fleet, accepted))
        row.accepted = len(accepted)
        row.results = sum(result_key(one) in present for one in accepted)
        row.dead = sum(record.state is JobState.DEAD for record in records.values())
        row.lost = sum(
            not self._is_accounted(one, records[one], present, forgets=forgets) for one in accepted
        )
        twice = {one for one in accepted if len(self._tags[result_key(one)]) > 1}
        twice |= {one for one in accepted if len(events[one]) > 1}
        row.duplicates = len(twice)
        if counts_ends:
            ended = sum(bool(one.state and one.state.closed) for one in records.values())
            surplus = await self._closed() - self._closed_before - ended
            row.duplicates += max(0, surplus)
        repeated = sum(sum(events[one].values()) > 1 for one in accepted)
        if repeated:
            row.notes["events repeated under the same id"] = repeated
        if self._receiver.refused:
            row.wrong.append(f"{self._receiver.refused} events had no valid signature")
        return records

    def _is_accounted(
        self, job_id: str, record: Record, present: set[str], *, forgets: bool
    ) -> bool:
        told = bool(self._receiver.events[job_id])
        if record.state is JobState.DEAD:
            return told
        ended = record.state in _DONE or (forgets and record.state is None)
        return ended and result_key(job_id) in present and told

    async def close(self) -> None:
        """Stop looking."""
        self._watching.cancel()
        await asyncio.wait({self._watching})
        self._s3.close()
