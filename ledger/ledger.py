"""The ledger: one method for each transition, and one atomic script for each method.

The client may repeat a write after a lost reply: each script answers a repeated call as it answered
the first one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger import keys
from ledger.access.api_keys import ApiKeys
from ledger.access.audit import AuditLog
from ledger.access.callback_secrets import CallbackSecrets
from ledger.adoptions import Adoptions
from ledger.claim import Claim, read_claim
from ledger.connection import available, open_redis
from ledger.dead_letters import DeadLetterRecords
from ledger.errors import (
    LeaseLostError,
    LedgerRefusedError,
    LedgerUnavailableError,
    WorkerClosedError,
)
from ledger.fleet.beat import Beat, read_beat
from ledger.fleet.deaths import Deaths
from ledger.fleet.depth import FleetDepth, read_depth
from ledger.fleet.engines import Engines
from ledger.fleet.sweeps import Sweeps
from ledger.fleet.workers import Workers
from ledger.jobs import Jobs
from ledger.openai.batches import BatchRecords
from ledger.openai.files import FileRecords
from ledger.record import duration_ms, read_job
from ledger.registry.adapters import AdapterRecords
from ledger.registry.base_models import BaseModelRecords
from ledger.repeated_requests import Posts
from ledger.reviews import ReviewRecords
from ledger.scripts import Scripts
from ledger.stored import read_whole
from ledger.submission import is_created, submit_arguments
from ledger.token import new_token
from ledger.webhooks.deliveries import Deliveries
from ledger.webhooks.endpoints import EndpointRecords
from schemas.document import Prepared
from schemas.failure import Failure
from schemas.job import DEFAULT_TENANT, Attempt, Job, JobSpec
from schemas.quota import NO_QUOTA, Quota
from schemas.states import JobState


class Ledger:
    """The job records in one Redis.

    Every method raises LedgerUnavailableError when Redis does not answer in time, and the methods
    that carry a token raise LeaseLostError when another attempt owns the record.

    Args:
        redis_url: `redis://[:password@]host:port/db`.
        timeout: Seconds for one answer.
        retries: How often a command is sent again when the connection breaks.

    Attributes:
        adoptions: Drops that belong to jobs which waited for them.
        dead_letters: Records that need a redrive.
        endpoints: Receivers that tenants registered.
        callback_secrets: Secrets that sign the callbacks of tenants' jobs.
        deliveries: Deliveries, past and present, with every attempt.
        api_keys: The keys of the HTTP API.
        jobs: Jobs, for listing, watching and deletion.
        reviews: Reviews of results.
        batches: Many requests in one file.
        files: Files that batches read and write.
        posts: Outcomes of requests, for clients that repeat them.
        engines: Counts of engine starts and deaths, and the gates after a death.
        sweeps: The sweep.
        deaths: Deaths of workers.
        workers: Live workers.
        audit: The audit log.
        adapters: Adapters of the registry.
        base_models: Base models of the pools.
    """

    def __init__(self, redis_url: str, *, timeout: float = 10, retries: int = 3) -> None:
        self._redis = open_redis(redis_url, timeout=timeout, retries=retries)
        self._scripts = Scripts(self._redis)
        self.adoptions = Adoptions(self._redis)
        self.dead_letters = DeadLetterRecords(self._redis, self._scripts)
        self.endpoints = EndpointRecords(self._redis, self._scripts)
        self.callback_secrets = CallbackSecrets(self._redis, self._scripts)
        self.deliveries = Deliveries(self._redis, self._scripts)
        self.api_keys = ApiKeys(self._redis, self._scripts)
        self.jobs = Jobs(self._redis, self._scripts)
        self.batches = BatchRecords(self._redis, self._scripts)
        self.files = FileRecords(self._redis, self._scripts)
        self.posts = Posts(self._redis)
        self.engines = Engines(self._redis)
        self.reviews = ReviewRecords(self._redis, self._scripts)
        self.sweeps = Sweeps(self._scripts)
        self.deaths = Deaths(self._scripts)
        self.workers = Workers(self._redis)
        self.audit = AuditLog(self._redis, self._scripts)
        self.adapters = AdapterRecords(self._redis, self._scripts)
        self.base_models = BaseModelRecords(self._redis)

    async def submit(
        self,
        job_id: str,
        spec: JobSpec,
        *,
        pool: str | None = None,
        quota: Quota = NO_QUOTA,
        fleets_callback: bool = False,
    ) -> bool:
        """Write a job and its place in line.

        Args:
            job_id: A new id, or that of the same request.
            spec: Content of the job.
            pool: The pool that runs the job, when there is nothing to prepare.
            quota: Limits of the tenant.
            fleets_callback: True when the callback is the fleet's default. It is then no part of
                the request: the same request stays the same job when the default changes.

        Returns:
            True when the job is new; False when the same request was submitted before.

        Raises:
            IdempotencyError: Another request has this id.
            TenantQuotaError: The tenant has too many jobs in line.
            TenantShareError: The tenant's records take as much memory as they may.
            LedgerFullError: Redis nears its maxmemory.
        """
        answer = await self._scripts.run(
            "submit", [keys.record(job_id)], submit_arguments(job_id, spec, pool, quota)
        )
        return is_created(answer, job_id, spec, quota, but_callback=fleets_callback)

    async def claim(
        self,
        record_id: str,
        worker: str,
        lease_seconds: float,
        *,
        queue: str = "",
        token: str | None = None,
    ) -> Claim | None:
        """Take the lease on a record, or None when its message is stale or a duplicate.

        Args:
            record_id: A job or a delivery.
            worker: The worker that claims it.
            lease_seconds: Seconds until the lease ends, unless renewed.
            queue: The queue of the message; a record that is in another queue is refused.
            token: Token of an earlier call that got no answer, so that this call takes the same
                lease.

        Raises:
            WorkerClosedError: The worker may take only the suspects that it is told to take.
        """
        token = token or new_token()
        answer = await self._scripts.run(
            "claim",
            [keys.record(record_id)],
            [record_id, token, worker, duration_ms(lease_seconds), queue],
        )
        if answer == ["refused", "closed"]:
            raise WorkerClosedError(f"{worker} is closed until a suspect has run alone in it")
        if answer[0] == "refused":
            return None
        return read_claim(record_id, token, int(answer[1]), _pairs(answer[2:]))

    async def heartbeat(
        self,
        worker: str,
        lease_seconds: float,
        capacity: Mapping[str, int],
        held: Iterable[Claim],
    ) -> Beat:
        """Renew a worker's leases and count its capacity, by queue; 0 takes the worker out."""
        arguments: list[str | int] = [worker, duration_ms(lease_seconds), len(capacity)]
        for queue, slots in capacity.items():
            arguments += [queue, slots]
        for claim in held:
            arguments += [claim.id, claim.token]
        return read_beat(await self._scripts.run("heartbeat", [], arguments))

    async def advance(self, claim: Claim, queue: str, prepared: Prepared) -> None:
        """Pass a prepared job on to the line of a pool."""
        await self._fenced("advance", claim, queue, prepared.model_dump_json())

    async def finish(
        self,
        claim: Claim,
        state: JobState,
        *,
        result_uri: str | None = None,
        kept_uri: str | None = None,
        failure: Failure | None = None,
        entry: Attempt | None = None,
        says: Mapping[str, str] | None = None,
    ) -> None:
        """Close a record, and open the delivery for it if its end has to be reported.

        Args:
            claim: The lease to end.
            state: The final state.
            result_uri: URI of the result.
            kept_uri: URI of the kept task results.
            failure: The reason of death.
            entry: The entry of the attempt for the history.
            says: Further fields for the record.
        """
        said = {"result": result_uri, "kept": kept_uri, "failure": _text(failure), **(says or {})}
        fields = [word for pair in said.items() if pair[1] for word in pair]
        await self._fenced("finish", claim, state, _text(entry), *fields)

    async def release(
        self,
        claim: Claim,
        *,
        wait_seconds: float = 0,
        charge: bool,
        suspect: bool = False,
        queue: str = "",
        kept_uri: str | None = None,
        entry: Attempt | None = None,
    ) -> None:
        """Give a record back to its line, at once or after a wait.

        Args:
            claim: The lease to end.
            wait_seconds: Seconds that the record waits first.
            charge: True when the attempt counts.
            suspect: True when the record was in flight when an engine died.
            queue: Another queue to go to; the attempts start from 1 there.
            kept_uri: URI of the results of its finished tasks.
            entry: The entry of the attempt for the history.
        """
        await self._fenced(
            "release",
            claim,
            duration_ms(wait_seconds),
            int(charge),
            _text(entry),
            queue,
            int(suspect),
            kept_uri or "",
        )

    async def cancel(self, job_id: str) -> JobState | None:
        """Cancel a job.

        Returns:
            The new state: `cancelled`, `running` until its worker hears of it, or the final state
            that it already had; None for an unknown job.
        """
        answer = await self._scripts.run("cancel", [keys.record(job_id)], [job_id])
        return None if answer == "unknown" else JobState(answer)

    async def set_tenants(self, weights: Mapping[str, float], bounds: Mapping[str, int]) -> None:
        """Set the shares of tenants in the lines; the last call wins.

        Args:
            weights: Weights of the tenants whose weight is not 1.
            bounds: Maximum records that a tenant may have out in each queue, if bounded.
        """
        async with available(), self._redis.pipeline(transaction=True) as pipe:
            for name, values in ((keys.WEIGHTS, weights), (keys.BOUNDS, bounds)):
                pipe.delete(name)
                if values:
                    pipe.hset(name, mapping={tenant: str(values[tenant]) for tenant in values})
            await pipe.execute()

    async def job(self, job_id: str) -> Job | None:
        """Return a job as its owner sees it, or None for an unknown job."""
        found = await read_whole(self._redis, [job_id])
        return read_job(*found[0]) if found else None

    async def tenant_of(self, record_id: str) -> str | None:
        """Return the tenant of a record, or None for an unknown record."""
        async with available():
            spec = await self._redis.hget(keys.record(record_id), "spec")
        return json.loads(spec).get("tenant", DEFAULT_TENANT) if spec else None

    async def state(self, job_id: str) -> JobState | None:
        """Return a job's state, or None for an unknown job; waiting clients poll this."""
        async with available():
            state: Any = await self._redis.hget(keys.record(job_id), "state")
        return None if state is None else JobState(state)

    async def depth(self) -> FleetDepth:
        """Return the depth of the queues."""
        async with available():
            return await read_depth(self._redis)

    async def ping(self) -> None:
        """Raise LedgerUnavailableError unless Redis answers."""
        async with available():
            await self._redis.ping()

    async def check_access(self) -> None:
        """Check that Redis accepts our password; ignore a Redis that does not answer.

        Raises:
            LedgerRefusedError: Redis refuses it.
        """
        try:
            await self.ping()
        except LedgerRefusedError:
            raise
        except LedgerUnavailableError:
            return

    async def server_run(self) -> str:
        """Return the id of the Redis run; another run may have lost the last writes."""
        async with available():
            return str((await self._redis.info("server"))["run_id"])

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _fenced(self, name: str, claim: Claim, *arguments: Any) -> None:
        verdict = await self._scripts.run(
            name, [keys.record(claim.id)], [claim.id, claim.token, *arguments]
        )
        if verdict == "lost":
            raise LeaseLostError(f"{claim.id}: the lease was lost; `{name}` changed nothing")


def _text(value: Failure | Attempt | None) -> str:
    return value.model_dump_json(exclude_none=True) if value else ""


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
