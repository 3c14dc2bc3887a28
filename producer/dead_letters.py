"""Services for dead letters: list, redrive and drop them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from ledger.errors import NotDeadError
from ledger.ledger import Ledger
from ledger.page import Page
from producer.adoptions import found_document
from producer.audit_trail import AuditTrail
from producer.errors import UnknownDeadLetterError, UnknownPoolError
from schemas.audit import AuditAction
from schemas.dead_letter import DeadLetter, DeadLetterFilter, Redrive
from schemas.ids import RecordKind, record_kind
from schemas.kept import KeptTasks
from schemas.result import MAX_RESULT_BYTES
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore

_AT_ONCE = 32


class Refusal(NamedTuple):
    """A record that was not changed, and the reason."""

    id: str
    reason: str


Refused = Callable[[Refusal], None]
"""Called with each record that was not changed."""


class DeadLetters:
    """The dead letters of a fleet.

    Every method may raise LedgerUnavailableError: try again later.

    Args:
        settings: The fleet's; a redrive may name one of its pools.
        ledger: Holds the records.
        store: Holds the kept task results.
        check_tasks: Raises UnknownTaskError unless each name is a task.
        audit: Records redrives and drops.
    """

    def __init__(
        self,
        settings: FleetSettings,
        ledger: Ledger,
        store: ObjectStore,
        check_tasks: Callable[[Iterable[str]], None],
        audit: AuditTrail,
    ) -> None:
        self._pools = settings.pools
        self._with_metadata = settings.documents.object_metadata
        self._ledger = ledger
        self._store = store
        self._check_tasks = check_tasks
        self._audit = audit

    async def page(
        self, which: DeadLetterFilter, *, after: str | None = None, limit: int = 100
    ) -> Page[DeadLetter]:
        """Return one page of the letters that meet the filter, the newest first.

        Raises:
            CursorError: `after` is no cursor of an earlier page.
        """
        return await self._ledger.dead_letters.page(which, after=after, limit=limit)

    def each(self, which: DeadLetterFilter) -> AsyncIterator[DeadLetter]:
        """Yield the letters that meet the filter, the newest first, without later deaths."""
        return self._ledger.dead_letters.each(which)

    async def counts(self) -> Counter[str]:
        """Count the letters by failure code, without reading any of them."""
        return Counter((await self._ledger.depth()).dead)

    async def get(self, record_id: str, tenant: str | None = None) -> DeadLetter:
        """Return one dead letter.

        Args:
            record_id: A job or a delivery.
            tenant: Tenant that it must belong to; None for any.

        Raises:
            UnknownDeadLetterError: There is no such letter; the message gives the state of the
                record.
        """
        letter = await self._ledger.dead_letters.get(record_id)
        if letter is None or tenant not in {None, letter.tenant}:
            is_job = record_kind(record_id) is RecordKind.JOB
            job = await self._ledger.job(record_id) if is_job else None
            if job is not None and tenant not in {None, job.tenant}:
                job = None
            what = f"it is {job.state}" if job else "nothing is known of it"
            raise UnknownDeadLetterError(f"there is no dead letter {record_id}: {what}")
        return letter

    async def kept(self, letter: DeadLetter) -> KeptTasks | None:
        """Return the kept results of a dead job's tasks, or None when there are none.

        Raises:
            StorageUnavailableError: The object store does not answer.
        """
        if letter.kept_uri is None:
            return None
        try:
            data = await self._store.get(letter.kept_uri, max_bytes=MAX_RESULT_BYTES)
        except ObjectMissingError:
            return None
        return KeptTasks.model_validate_json(data)

    def check(self, how: Redrive) -> None:
        """Check that a redrive is possible.

        Raises:
            UnknownPoolError: The message lists the pools.
            UnknownTaskError: A version is asked for, of an unknown task.
        """
        if how.pool is not None and how.pool not in self._pools:
            known = ", ".join(self._pools) or "none"
            raise UnknownPoolError(f"there is no pool {how.pool!r}; the fleet's file has: {known}")
        self._check_tasks(how.versions)

    async def redrive(self, record_id: str, how: Redrive, tenant: str | None = None) -> None:
        """Send a dead letter, or a job whose tasks did not all succeed, round again.

        Args:
            record_id: A job or a delivery.
            how: The pool and the task versions, if they are to change.
            tenant: Tenant that it must belong to; None for any.

        Raises:
            UnknownDeadLetterError: There is no such record.
            NotDeadError: The record is neither.
            UnknownPoolError: There is no such pool; `check` raises further errors.
        """
        self.check(how)
        owner = await self._owner(record_id, tenant)
        await self._redrive(record_id, how)
        await self._audit.record(AuditAction.REDRIVEN, tenant=owner, target=record_id)

    async def redrive_many(
        self, ids: Sequence[str], how: Redrive, refused: Refused
    ) -> AsyncIterator[str]:
        """Redrive each record; yield its id as soon as it is redriven.

        Raises:
            UnknownPoolError: There is no such pool; `check` raises further errors. Nothing is
                redriven then.
        """
        self.check(how)
        done = _each(ids, lambda one: self._redrive(one, how), refused)
        async for record_id in self._told(AuditAction.REDRIVEN, done):
            yield record_id

    async def drop(self, record_id: str, tenant: str | None = None) -> None:
        """Count a dead letter as cancelled, and tell nobody.

        Args:
            record_id: A job or a delivery.
            tenant: Tenant that it must belong to; None for any.

        Raises:
            UnknownDeadLetterError: There is no such record.
            NotDeadError: The record is no dead letter.
        """
        owner = await self._owner(record_id, tenant)
        await self._drop(record_id)
        await self._audit.record(AuditAction.DROPPED, tenant=owner, target=record_id)

    def drop_many(self, ids: Sequence[str], refused: Refused) -> AsyncIterator[str]:
        """Drop each record; yield its id as soon as it is dropped."""
        return self._told(AuditAction.DROPPED, _each(ids, self._drop, refused))

    async def _told(
        self, action: AuditAction, done: AsyncIterator[str]
    ) -> AsyncGenerator[str, None]:
        """Yield the changed ids, and record at the end how many of each tenant changed."""
        ids: dict[str | None, list[str]] = {}
        try:
            async for record_id in done:
                owner = await self._ledger.tenant_of(record_id)
                ids.setdefault(owner, []).append(record_id)
                yield record_id
        finally:
            for owner, some in ids.items():
                count = "1 record" if len(some) == 1 else f"{len(some):,} records"
                await self._audit.record(
                    action, tenant=owner, target=some[0], detail=f"{count}: {' '.join(some)}"
                )

    async def _owner(self, record_id: str, tenant: str | None) -> str | None:
        owner = await self._ledger.tenant_of(record_id)
        if tenant not in {None, owner}:
            raise _unknown(record_id)
        return owner

    async def _drop(self, record_id: str) -> None:
        if not await self._ledger.dead_letters.drop(record_id):
            raise _unknown(record_id)

    async def _redrive(self, record_id: str, how: Redrive) -> None:
        adoption = await found_document(
            self._ledger, self._store, record_id, with_metadata=self._with_metadata
        )
        if not await self._ledger.dead_letters.redrive(record_id, how, adoption):
            raise _unknown(record_id)


async def _each(
    ids: Sequence[str], change: Callable[[str], Awaitable[None]], refused: Refused
) -> AsyncIterator[str]:
    """Change several at once; the failure of one does not stop the others."""

    async def attempt(record_id: str) -> bool:
        try:
            await change(record_id)
        except (UnknownDeadLetterError, NotDeadError) as error:
            refused(Refusal(record_id, str(error)))
            return False
        return True

    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        done = await asyncio.gather(*map(attempt, some), return_exceptions=True)
        for record_id, changed in zip(some, done, strict=True):
            if changed is True:
                yield record_id
        for changed in done:
            if isinstance(changed, BaseException):
                raise changed


def _unknown(record_id: str) -> UnknownDeadLetterError:
    return UnknownDeadLetterError(f"there is no dead letter {record_id}: nothing is known of it")
