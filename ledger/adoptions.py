"""Adoptions: drops that belong to a job which was there before its document."""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from schemas.document import DocumentRef
from schemas.job import JobSpec


class Adoption(NamedTuple):
    """A drop that a job takes for its document.

    Attributes:
        drop: Id of the job that the drop would become otherwise.
        document: The drop, as it is to be read.
    """

    drop: str
    document: DocumentRef


class Claimant(NamedTuple):
    """A job that a drop may belong to.

    Attributes:
        id: Of the job.
        spec: What it is to do.
        is_dead: Whether it is a dead letter that waits for its document; else it has the drop.
    """

    id: str
    spec: JobSpec
    is_dead: bool


class Adoptions:
    """The adoptions of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claimant(self, drop: str, tenant: str, uri: str) -> Claimant | None:
        """Return the job that a drop belongs to, or may belong to.

        Args:
            drop: Id of the job that it would become otherwise.
            tenant: Whose it would be.
            uri: Where it lies.
        """
        async with available(), self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.ADOPTED.format(id=drop))
            pipe.hget(keys.AWAITED.format(tenant=tenant), uri)
            owner, waiting = await pipe.execute()
        job_id = owner or waiting
        if job_id is None:
            return None
        async with available():
            spec = await self._redis.hget(keys.record(job_id), "spec")
        if spec is None:
            return None
        return Claimant(job_id, JobSpec.model_validate_json(spec), is_dead=owner is None)
