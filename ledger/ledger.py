"""The ledger: one method for each transition, each one atomic script in Redis.

Writes may be replayed by the client after a lost reply; every script answers a replay as it
answered the first time.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ledger.claim import Claim, read_claim
from ledger.depth import FleetDepth, read_depth
from ledger.errors import (
    IdempotencyError,
    LeaseLostError,
    LedgerError,
    LedgerFullError,
    LedgerUnavailableError,
)
from ledger.record import read_job
from ledger.script import script_text
from schemas import keys
from schemas.document import Prepared
from schemas.failure import Failure, FailureCode
from schemas.job import Attempt, Job, JobSpec
from schemas.queues import PREPARE_QUEUE
from schemas.states import JobState

SCRIPTS = ("submit", "claim", "heartbeat", "advance", "finish", "release", "cancel", "sweep")
_CONNECTIONS = 64
_RESENDS = 20
_SWEEP_BATCH = 256
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "UNKILLABLE")
"""How errors begin that pass by themselves: a full disk, a missing replica, a slow script."""
_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    MasterDownError,
    ReadOnlyError,
)
"""Trouble that passes: nothing is known of what was asked, or it was not done."""


class Swept(NamedTuple):
    """What one sweep mended, each a count of records."""

    expired: int
    killed: int
    woken: int
    resent: int
    undeliverable: int
    pardoned: int


class LetGo(NamedTuple):
    """A lease that its holder must let go, by its token."""

    token: str
    cancelled: bool


class Ledger:
    """The job records in one Redis.

    Every method raises LedgerUnavailableError when Redis does not answer in time, and the methods
    that carry a token raise LeaseLostError when another attempt owns the record.

    Args:
        redis_url: `redis://[:password@]host:port/db`.
        timeout: Seconds for one answer.
        retries: How often a command is sent again when the connection breaks.
    """

    def __init__(self, redis_url: str, *, timeout: float = 10, retries: int = 3) -> None:
        # Whoever comes when all connections are in use waits for one; the default pool refuses.
        pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=_CONNECTIONS,
            timeout=timeout,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=min(timeout, 5),
            socket_keepalive=True,
            health_check_interval=15,
            retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), retries),
            retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError],
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._scripts = {name: self._redis.register_script(script_text(name)) for name in SCRIPTS}

    async def submit(self, job_id: str, spec: JobSpec) -> bool:
        """Write a job and its place in line.

        Returns:
            Whether the job is new; False when the same request was submitted before.

        Raises:
            IdempotencyError: The id is taken by another request.
            LedgerFullError: Redis has no memory left.
        """
        text = spec.model_dump_json(exclude_defaults=True)
        outcome, present = await self._run(
            "submit",
            [keys.record(job_id)],
            [
                job_id,
                text,
                PREPARE_QUEUE,
                spec.priority.handicap_ms,
                int(spec.callback is not None),
            ],
        )
        if outcome == "exists" and present != text:
            raise IdempotencyError(f"{job_id} was submitted before, as another request")
        return bool(outcome == "created")

    async def claim(
        self, record_id: str, worker: str, lease_seconds: float, *, queue: str = ""
    ) -> Claim | None:
        """Take the lease on a record, or None when its message is stale or a duplicate.

        Args:
            record_id: A job or a delivery.
            worker: Who claims it.
            lease_seconds: How long the lease lives unless renewed.
            queue: Where the message came from; a record that stands elsewhere is refused.
        """
        token = secrets.token_hex(8)
        answer = await self._run(
            "claim",
            [keys.record(record_id)],
            [record_id, token, worker, _milliseconds(lease_seconds), queue],
        )
        if answer[0] == "refused":
            return None
        return read_claim(record_id, token, int(answer[1]), _pairs(answer[2:]))

    async def heartbeat(
        self,
        worker: str,
        lease_seconds: float,
        capacity: Mapping[str, int],
        held: Iterable[Claim],
    ) -> Sequence[LetGo]:
        """Renew a worker's leases and count its capacity, by queue; 0 takes the worker out."""
        arguments: list[str | int] = [worker, _milliseconds(lease_seconds), len(capacity)]
        for queue, slots in capacity.items():
            arguments += [queue, slots]
        for claim in held:
            arguments += [claim.id, claim.token]
        answer = await self._run("heartbeat", [], arguments)
        return [LetGo(token, verdict == "cancel") for token, verdict in _pairs(answer).items()]

    async def advance(self, claim: Claim, queue: str, prepared: Prepared) -> None:
        """Pass a prepared job on to the line of a pool."""
        await self._fenced("advance", claim, queue, prepared.model_dump_json())

    async def finish(
        self,
        claim: Claim,
        state: JobState,
        *,
        result_uri: str | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Close a record and, where its end is to be told of, open the delivery."""
        fields = []
        if result_uri is not None:
            fields += ["result", result_uri]
        if failure is not None:
            fields += ["failure", failure.model_dump_json(exclude_none=True)]
        await self._fenced("finish", claim, state, *fields)

    async def release(
        self,
        claim: Claim,
        *,
        wait_seconds: float = 0,
        charge: bool,
        entry: Attempt | None = None,
    ) -> None:
        """Give a record back to its line, at once or after a wait.

        Args:
            claim: The lease to end.
            wait_seconds: How long the record waits first.
            charge: Whether the attempt counts.
            entry: What the history is to say of the attempt.
        """
        text = entry.model_dump_json(exclude_none=True) if entry else ""
        await self._fenced("release", claim, _milliseconds(wait_seconds), int(charge), text)

    async def cancel(self, job_id: str) -> JobState | None:
        """Cancel a job.

        Returns:
            The state that follows: `cancelled`, `running` while its worker is being told, or the
            state it had already ended in; None when there is no such job.
        """
        answer = await self._run("cancel", [keys.record(job_id)], [job_id])
        return None if answer == "unknown" else JobState(answer)

    async def sweep(
        self, *, every_seconds: float, lease_seconds: float, grace_seconds: float, losses: int
    ) -> Swept:
        """Mend what broke; does nothing when another worker just did.

        Args:
            every_seconds: The interval between two sweeps of the whole fleet.
            lease_seconds: The length of a lease.
            grace_seconds: How long a message may go unclaimed before it is looked for.
            losses: How many leases one stage of a job may lose before it is a dead letter.
        """
        failures = (
            Failure.of(
                FailureCode.WORKER_KILLED, "The worker died or hung while it held this job."
            ),
            Failure.of(
                FailureCode.WORKER_KILLED,
                f"{losses} workers in turn died or hung while they held this job.",
            ),
            Failure.of(FailureCode.QUEUE_UNDELIVERABLE, f"The message was lost {_RESENDS} times."),
        )
        arguments = [
            _milliseconds(every_seconds),
            _milliseconds(lease_seconds),
            _milliseconds(grace_seconds),
            losses,
            _RESENDS,
            _SWEEP_BATCH,
            *(failure.model_dump_json(exclude_none=True) for failure in failures),
        ]
        return Swept(*await self._run("sweep", [], arguments))

    async def job(self, job_id: str) -> Job | None:
        """A job as its owner sees it, or None when there is no such job."""
        async with _available(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.record(job_id))
            pipe.lrange(keys.history(job_id), 0, -1)
            fields, history = await pipe.execute()
        return read_job(job_id, fields, history) if fields else None

    async def depth(self) -> FleetDepth:
        """How much work stands where."""
        async with _available():
            return await read_depth(self._redis)

    async def ping(self) -> None:
        """Raise LedgerUnavailableError unless Redis answers."""
        async with _available():
            await self._redis.ping()

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()

    async def _run(self, name: str, key_names: Sequence[str], arguments: Sequence[Any]) -> Any:
        async with _available():
            return await self._scripts[name](keys=key_names, args=arguments)

    async def _fenced(self, name: str, claim: Claim, *arguments: Any) -> None:
        verdict = await self._run(
            name, [keys.record(claim.id)], [claim.id, claim.token, *arguments]
        )
        if verdict == "lost":
            raise LeaseLostError(f"{claim.id}: the lease was lost; `{name}` changed nothing")


@asynccontextmanager
async def _available() -> AsyncIterator[None]:
    """Turn Redis' errors into ours."""
    try:
        yield
    except OutOfMemoryError as error:
        raise LedgerFullError(
            "Redis has reached its maxmemory: wait for the backlog to shrink, or raise it"
        ) from error
    except _AWAY as error:
        raise LedgerUnavailableError(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_PASSING):
            raise LedgerUnavailableError(f"Redis cannot write now: {error}") from error
        raise LedgerError(f"Redis refuses: {error}") from error
    except RedisError as error:
        raise LedgerError(f"Redis refuses: {error}") from error


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
