"""Consumer of an SQS queue: bucket events become drops that the watcher looks at.

A message is deleted only after the ledger has stored its jobs durably. A refused message is never
deleted: the queue's redrive policy moves it away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import structlog

from ledger.errors import LedgerError, TenantQuotaError
from producer.drops.backoff import Backoff
from producer.drops.bucket_event import ObjectCreated, read_event
from producer.drops.outage_log import OutageLog
from producer.drops.sqs_queue import QueueMessage, SqsQueue
from producer.drops.watcher import Watcher
from producer.errors import QueueError, UnwatchedBucketError
from storage.errors import (
    ObjectForbiddenError,
    ObjectMissingError,
    StorageError,
    StorageUnavailableError,
)

log = structlog.get_logger(__name__)

_POLLS_AT_ONCE = 2
_MOST_TAKEN_AT_ONCE = 64
_MOST_HELD = 5000
"""Maximum messages held at once, including those that only wait to be deleted."""
_VISIBILITY_SECONDS = 60
_UPKEEP_SECONDS = 0.25
_SAFE_SECONDS = 2.0
"""Seconds after which a submit is safely on disk, if Redis was not restarted meanwhile. Redis
writes its append-only file every second and may be a second late: a power loss before that loses
the submit, and the deleted message would be lost too."""
_LOOKS_AGAIN = 3
"""Number of further looks for an object that does not exist, or not yet."""
_FIRST_LOOK_SECONDS = 0.4
_LONGEST_SHOW_AGAIN_SECONDS = 900
_DELETES = 5
_FINISH_SECONDS = 5.0
_CANCEL_AGAIN_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class _Held:
    """A message that this consumer holds.

    Attributes:
        message: The message.
        run: The Redis run before it was taken.
        kept_at: Time when its visibility was last set, in seconds of the loop's clock.
        taken_at: Time when the ledger had its objects; None before.
        failures: Number of failed deletions.
    """

    message: QueueMessage
    run: str
    kept_at: float
    taken_at: float | None = None
    failures: int = 0


class SqsConsumer:
    """Consumer of the messages of a queue; several may share one queue.

    Args:
        queue: The queue.
        watcher: Looks at the objects of the messages.
        poll_seconds: Seconds that SQS waits for a first message.
    """

    def __init__(self, queue: SqsQueue, watcher: Watcher, poll_seconds: int) -> None:
        self._queue = queue
        self._watcher = watcher
        self._poll_seconds = poll_seconds
        self._tasks = asyncio.TaskGroup()
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._held: set[_Held] = set()
        self._taking: set[asyncio.Task[None]] = set()
        self._aside = 0  # number of those that wait for their tenant
        self._pausing = 0  # number of those that wait for a server
        self._queue_trouble = OutageLog("a queue does not answer", "a queue answers", url=queue.url)
        self._trouble = OutageLog("events have to wait", "events are taken again", url=queue.url)

    def stop(self) -> None:
        """Receive no more messages; `run` ends after the last poll and the deletions."""
        self._stopping.set()
        self._changed.set()

    async def run(self) -> None:
        """Take messages until told to stop."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                upkeep = self._tasks.create_task(self._look_after_held())
                self._tasks.create_task(self._check_redrive_policy())
                polls = [self._tasks.create_task(self._poll()) for _ in range(_POLLS_AT_ONCE)]
                await asyncio.wait(polls)
                await self._finish()
                await _end({upkeep, *self._taking})
        finally:
            with suppress(QueueError):
                await self._queue.show_again([held.message for held in self._held], 0)

    async def _check_redrive_policy(self) -> None:
        with suppress(QueueError):  # nothing else needs the permission to ask
            if not await self._queue.has_redrive_policy():
                log.warning(
                    "this queue has no redrive policy: what is refused comes again and again",
                    url=self._queue.url,
                )

    async def _poll(self) -> None:
        backoff = Backoff()
        while await self._has_room():
            try:
                run = await self._watcher.check_redis_restart()
                messages = await self._queue.receive(
                    wait_seconds=self._poll_seconds, visibility_seconds=_VISIBILITY_SECONDS
                )
            except LedgerError as error:
                await self._wait(self._trouble, error, backoff)
            except QueueError as error:
                await self._wait(self._queue_trouble, error, backoff)
            else:
                self._queue_trouble.recovered()
                if not self._pausing:
                    self._trouble.recovered()
                backoff.reset()
                for message in messages:
                    held = _Held(message, run, kept_at=_now())
                    self._held.add(held)
                    self._start(held)

    async def _wait(self, trouble: OutageLog, error: BaseException, backoff: Backoff) -> None:
        """Wait before the next attempt, or until the consumer is told to stop."""
        trouble.failed(error)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), backoff.next_pause())

    async def _has_room(self) -> bool:
        """Wait until messages can be taken; return False when the consumer has to stop."""
        while not self._stopping.is_set():
            self._changed.clear()
            few = len(self._taking) - self._aside < _MOST_TAKEN_AT_ONCE
            if few and len(self._held) < _MOST_HELD and not self._pausing:
                return True
            await self._changed.wait()
        return False

    def _start(self, held: _Held) -> None:
        task = self._tasks.create_task(self._take(held))
        self._taking.add(task)
        task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        self._changed.set()

    async def _take(self, held: _Held) -> None:
        reading = read_event(held.message.body)
        reasons = list(reading.refused)
        for created in reading.created:
            reason = await self._submit(created)
            if reason is not None:
                reasons.append(reason)
        if reasons:
            await self._leave(held, reasons)
        else:
            held.taken_at = _now()

    async def _submit(self, created: ObjectCreated) -> str | None:
        """Submit an object, however long it has to wait; return why it is refused, or None."""
        backoff = Backoff()
        while True:
            try:
                return await self._look(created)
            except TenantQuotaError as error:
                log.debug("an event waits for its tenant", url=self._queue.url, error=str(error))
                await self._step_aside(backoff.next_pause())
            except (LedgerError, StorageUnavailableError) as error:
                self._trouble.failed(error)
                return await self._submit_later(created)

    async def _step_aside(self, seconds: float) -> None:
        """Wait without delaying events of other tenants."""
        self._aside += 1
        self._changed.set()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._aside -= 1

    async def _submit_later(self, created: ObjectCreated) -> str | None:
        """Try again until the servers are back.

        Receive nothing meanwhile: each receive counts against the redrive policy.
        """
        backoff = Backoff()
        self._pausing += 1
        self._changed.set()
        try:
            while True:
                await asyncio.sleep(backoff.next_pause())
                with suppress(LedgerError, StorageUnavailableError):
                    return await self._look(created)
        finally:
            self._pausing -= 1

    async def _look(self, created: ObjectCreated) -> str | None:
        """Submit an object; return why it is refused, or None."""
        for look in count():
            try:
                await self._watcher.take(created)
            except (ObjectMissingError, ObjectForbiddenError) as error:
                if look == _LOOKS_AGAIN:
                    return str(error)
                await asyncio.sleep(_FIRST_LOOK_SECONDS * 2**look)
            except (UnwatchedBucketError, StorageError) as error:
                if isinstance(error, StorageUnavailableError):
                    raise
                return str(error)
            else:
                break
        return None

    async def _leave(self, held: _Held, reasons: Iterable[str]) -> None:
        """Make the message come again, later each time, until SQS moves it away."""
        message = held.message
        log.warning(
            "an event is refused and left to the queue's redrive policy",
            url=self._queue.url,
            message=message.id,
            receives=message.receives,
            reason="; ".join(dict.fromkeys(reasons)),
        )
        again = min(2 ** min(message.receives - 1, 10), _LONGEST_SHOW_AGAIN_SECONDS)
        self._held.discard(held)
        with suppress(QueueError):  # it comes again when its visibility timeout passes
            await self._queue.show_again([message], again)

    async def _look_after_held(self) -> None:
        while True:
            await asyncio.sleep(_UPKEEP_SECONDS)
            try:
                await self._delete_safe()
                await self._keep_held()
            except QueueError as error:
                self._queue_trouble.failed(error)
            except LedgerError as error:
                self._trouble.failed(error)

    async def _delete_safe(self) -> None:
        """Delete messages whose jobs are safe; take those again whose jobs may be lost."""
        ripe = _now() - _SAFE_SECONDS
        safe = [held for held in self._held if held.taken_at is not None and held.taken_at < ripe]
        if not safe:
            return
        run = await self._watcher.check_redis_restart()
        for held in [held for held in safe if held.run != run]:
            held.run, held.taken_at = run, None
            self._start(held)
        by_message = {held.message: held for held in safe if held.run == run and held.taken_at}
        failed = set(await self._queue.delete(by_message))
        for message, held in by_message.items():
            held.failures += message in failed
            if message not in failed or held.failures == _DELETES:
                self._held.discard(held)
        if failed:
            log.warning("SQS failed to delete messages", url=self._queue.url, count=len(failed))
        self._changed.set()

    async def _keep_held(self) -> None:
        """Renew the visibility timeout when a third of it has passed."""
        now = _now()
        due = [held for held in self._held if now - held.kept_at > _VISIBILITY_SECONDS / 3]
        if due:
            await self._queue.show_again([held.message for held in due], _VISIBILITY_SECONDS)
            for held in due:
                held.kept_at = now

    async def _finish(self) -> None:
        """Give the held messages some time to be taken and deleted."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_SECONDS):
                while self._held and not self._pausing:
                    self._changed.clear()
                    await self._changed.wait()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a task about to be answered may miss the first cancel."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
