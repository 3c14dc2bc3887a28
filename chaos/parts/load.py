"""The load: jobs through the producer's client, drops through S3, and the accepted ones."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic, time

from botocore.exceptions import BotoCoreError, ClientError

from chaos.parts.fleet import Fleet
from demo.drop import s3_client
from ledger.errors import LedgerFullError, LedgerUnavailableError
from producer.client import Client, open_client
from producer.versions import dropped_job_id
from schemas.document import S3Uri
from schemas.job import DocumentSource, JobRequest
from storage.errors import StorageUnavailableError

TASKS = ("document-class",)
_AT_ONCE = 16
_PAUSE_SECONDS = 0.2
_VARIANTS = 8


class Load:
    """One drill's jobs.

    Args:
        fleet: Receiver of the jobs.
        task_names: Tasks of each submitted job.
    """

    def __init__(self, fleet: Fleet, task_names: tuple[str, ...] = TASKS) -> None:
        self.accepted: dict[str, float] = {}
        """Time of each submit's answer in Unix seconds, by job id."""
        self.dropped: dict[str, float] = {}
        """Time of S3's answer to each put in Unix seconds, by key."""
        self.refusals: Counter[str] = Counter()
        """Count of refused submits, by the error's name."""
        self.words: dict[str, str] = {}
        """Last message of each error."""
        self.drop_ids: set[str] = set()
        """Ids of the drops' jobs, once known."""
        self.planned = 0
        self.mark = secrets.token_hex(4)
        self._tasks = task_names
        self._fleet = fleet
        self._client: Client = open_client(fleet.settings)
        self._s3 = s3_client(fleet.environment)
        self._documents: list[S3Uri] = []
        self._number = 0

    async def upload(self, *, slow: tuple[float, float] = (0, 0)) -> None:
        """Upload the documents that `submit` uses in turn.

        Args:
            slow: Minimum and maximum of the additional seconds for a document in the scripted
                engine.
        """
        least, most = slow
        texts = [
            f"Claim {self.mark}-{number}\nHail broke two skylights on 3 May 2026.\n"
            f"docfleet-fault: slow {least + (most - least) * number / (_VARIANTS - 1):.3f}\n"
            for number in range(_VARIANTS)
        ]
        self._documents = [
            await self._client.submitter.upload(text.encode(), ".txt") for text in texts
        ]

    async def submit_text(self, text: str) -> str:
        """Submit a document of its own; return the job's id."""
        while True:
            try:
                uri = await self._client.submitter.upload(text.encode(), ".txt")
            except StorageUnavailableError:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return await self.submit_one(uri)

    async def submit_one(self, uri: S3Uri | None = None) -> str:
        """Submit a job until it is accepted, like a caller with an idempotency key."""
        self._number += 1
        number = self._number
        self.planned += 1
        request = JobRequest(
            document=DocumentSource(uri=uri or self._documents[number % len(self._documents)]),
            tasks=self._tasks,
        )
        while True:
            try:
                job_id = await self._client.submitter.submit(
                    request, idempotency_key=f"{self.mark}-{number}"
                )
            except (LedgerUnavailableError, LedgerFullError) as error:
                self.refusals[type(error).__name__] += 1
                self.words[type(error).__name__] = str(error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self.accepted[job_id] = time()
                return job_id

    async def submit(self, count: int, *, rate: float = math.inf) -> None:
        """Submit a number of jobs.

        Args:
            count: Number of jobs.
            rate: Maximum submits a second.
        """
        left = iter(range(count))

        async def some() -> None:
            for _ in left:
                await self.submit_one()
                await asyncio.sleep(_AT_ONCE / rate)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(some())

    async def drop(self, count: int) -> None:
        """Put a number of documents into the incoming bucket."""
        for _ in range(count):
            words = f"Claim {self.mark}-{self._number}\nHail broke two skylights."
            await self._put("claim+%.txt", words.encode())

    async def drop_files(self, paths: Iterable[Path]) -> None:
        """Put these files into the incoming bucket."""
        for path in paths:
            await self._put(path.name, await asyncio.to_thread(path.read_bytes))

    async def _put(self, name: str, body: bytes) -> None:
        """Put one document into the incoming bucket, until S3 accepts it."""
        self.planned += 1
        self._number += 1
        key = f"{self.mark}/{self._number} {name}"
        while True:
            try:
                await asyncio.to_thread(
                    self._s3.put_object,
                    Bucket=self._fleet.settings.incoming_bucket,
                    Key=key,
                    Body=body,
                )
            except (BotoCoreError, ClientError) as error:
                self.refusals[type(error).__name__] += 1
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self.dropped[key] = time()
                return

    @asynccontextmanager
    async def flow(self, rate: float, drops: float = 0) -> AsyncIterator[None]:
        """Submit and drop at a steady rate for the length of a block.

        Args:
            rate: Submits for each second.
            drops: Drops for each second.
        """
        stop = asyncio.Event()

        async def submit() -> None:
            async with asyncio.TaskGroup() as group:
                async for _ in _beats(rate, stop):
                    group.create_task(self.submit_one())

        async def drop() -> None:
            async for _ in _beats(drops, stop):
                await self.drop(1)

        async with asyncio.TaskGroup() as group:
            group.create_task(submit())
            if drops:
                group.create_task(drop())
            try:
                yield
            finally:
                stop.set()

    async def resolve_drops(self) -> None:
        """Find the ids of the accepted drops' jobs; they count from then on."""
        store, bucket = self._client.store, self._fleet.settings.incoming_bucket
        prefix = f"s3://{bucket}/"
        async for drop in store.list(bucket, prefix=self.mark):
            at = self.dropped.get(drop.uri.removeprefix(prefix))
            if at is not None:
                job_id = dropped_job_id(drop)
                self.accepted[job_id] = at
                self.drop_ids.add(job_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        self._s3.close()


async def _beats(rate: float, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield at a rate until `stop`; do not catch up after a pause."""
    due = monotonic()
    while not stop.is_set():
        yield
        due = max(due + 1 / rate, monotonic() - 1)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0, due - monotonic()))
