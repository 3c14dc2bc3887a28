"""Adoptions: drops that become the document of a job which waited for it."""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from schemas.document import DocumentRef
from schemas.job import JobSpec


class Adoption(NamedTuple):
    """A drop that becomes the document of a job.

    Attributes:
        drop: Id of the job that the drop would otherwise become.
        document: The document reference of the drop.
    """

    drop: str
    document: DocumentRef


class Claimant(NamedTuple):
    """A job to which a drop may belong.

    Attributes:
        id: The job's id.
        spec: The job's spec.
        is_dead: True for a dead letter that waits for its document; False for a job that has the
            drop.
    """

    id: str
    spec: JobSpec
    is_dead: bool


class Adoptions:
    """The adoptions of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claimant(self, drop: str, tenant: str, uri: str) -> Claimant | None:
        """Return the job to which a drop belongs, or may belong.

        Args:
            drop: Id of the job that the drop would otherwise become.
            tenant: The tenant of that job.
            uri: The drop's URI.
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
