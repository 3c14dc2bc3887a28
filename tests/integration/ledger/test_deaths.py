"""Deaths of workers: who is blamed, who is charged, and how suspects run again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.claim import Claim
from ledger.errors import WorkerClosedError
from ledger.fleet.beat import Beat
from ledger.fleet.deaths import Buried
from ledger.ledger import Ledger
from schemas.dead_letter import Redrive
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.ids import new_job_id
from schemas.job import Job, JobSpec
from schemas.states import JobState
from tests.fixtures.prepared import PREPARED

LEASE = 30.0
QUEUE = "prepare"
SPEC = JobSpec(document=DocumentRef(uri="s3://b/k"), tasks=("t",))


class Scene:
    """Workers by hand, each at a station of its own name."""

    def __init__(self, ledger: Ledger, redis: Redis) -> None:
        self.ledger = ledger
        self.redis = redis
        self.held: dict[str, list[Claim]] = {}

    async def submit(self, count: int) -> list[str]:
        """Submit a number of jobs."""
        ids = [new_job_id() for _ in range(count)]
        for job_id in ids:
            await self.ledger.submit(job_id, SPEC)
        return ids

    async def beat(self, worker: str, capacity: int = 32) -> Beat:
        """Beat once, and claim the suspects that the worker is told to take."""
        held = self.held.setdefault(worker, [])
        beat = await self.ledger.heartbeat(worker, LEASE, {QUEUE: capacity}, held)
        for called in beat.called:
            await self.claim(worker, called.record_id)
        return beat

    async def claim(self, worker: str, job_id: str) -> None:
        """Take a job that may be taken."""
        claim = await self.ledger.claim(job_id, worker, LEASE)
        assert claim is not None
        self.held.setdefault(worker, []).append(claim)

    async def take(self, worker: str, count: int) -> None:
        """Take a number of the messages that are out."""
        for _ in range(count):
            await self.claim(worker, json.loads(str(await self.redis.rpop(QUEUE)))["headers"]["id"])

    async def die(self, worker: str) -> Buried:
        """End the worker; its supervisor reports it at once."""
        self.held.pop(worker)
        return await self.ledger.deaths.bury(worker.rsplit("-", 2)[0], losses=3)

    async def retire(self, worker: str) -> Beat:
        """Beat as a worker that takes no more work."""
        return await self.ledger.heartbeat(worker, LEASE, {QUEUE: 0}, self.held[worker])

    async def finish(self, worker: str) -> None:
        """End all that the worker holds well."""
        for claim in self.held.pop(worker):
            await self.ledger.finish(claim, JobState.SUCCEEDED)

    async def holds(self, worker: str) -> set[str]:
        """Return the records that the worker holds, by the ledger."""
        return {str(one) for one in await self.redis.zrange(keys.HELD.format(worker=worker), 0, -1)}

    async def job(self, job_id: str) -> Job:
        """Return the ledger's view of a job."""
        job = await self.ledger.job(job_id)
        assert job is not None
        return job

    async def companies(self, ids: Sequence[str]) -> list[str | None]:
        """With how many suspects each may be in a worker; None for who is no suspect."""
        return [await self.redis.hget(keys.record(job_id), "company") for job_id in ids]


@pytest.fixture
async def scene(ledger: Ledger, redis: Redis) -> AsyncIterator[Scene]:
    """An empty ledger."""
    return Scene(ledger, redis)


async def test_a_death_with_several_in_flight_charges_none_and_suspects_all(scene: Scene) -> None:
    """Each goes back with its attempts, and a history that says that it was not its fault."""
    ids = await scene.submit(32)
    await scene.beat("a-1-f")
    await scene.take("a-1-f", 32)
    assert await scene.die("a-1-f") == Buried(workers=1, expired=32, killed=0)
    for job in [await scene.job(job_id) for job_id in ids]:
        assert (job.state, job.attempts) == (JobState.QUEUED, 0)
        (entry,) = job.history
        assert (entry.worker, entry.charged) == ("a-1-f", False)
    assert await scene.companies(ids) == ["8"] * 32
    (depth,) = (await scene.ledger.depth()).queues
    assert (depth.suspects, depth.leased, depth.capacity, depth.workers) == (32, 0, 0, 0)


async def test_a_job_that_ends_three_workers_alone_is_a_dead_letter(scene: Scene) -> None:
    """Each lost worker is remembered and charged; the third makes it `worker.killed`."""
    (job_id,) = await scene.submit(1)
    await scene.claim("a-1-f", job_id)
    for worker in ("a-2-f", "a-3-f"):
        await scene.die(worker.replace("2", "1").replace("3", "2"))
        await scene.beat(worker)
    assert await scene.die("a-3-f") == Buried(workers=1, expired=0, killed=1)
    job = await scene.job(job_id)
    assert job.state is JobState.DEAD
    assert job.failure is not None
    assert job.failure.code is FailureCode.WORKER_KILLED
    assert [(entry.worker, entry.charged) for entry in job.history] == [
        (worker, True) for worker in ("a-1-f", "a-2-f", "a-3-f")
    ]


async def test_few_suspects_are_in_a_worker_at_once_and_others_beside_them(scene: Scene) -> None:
    """A quarter of the blamed records run at once; other records have the other places."""
    suspects = await scene.submit(16)
    await scene.beat("a-1-f", 16)
    await scene.take("a-1-f", 16)
    await scene.die("a-1-f")
    others = await scene.submit(16)
    for worker in ("b-1-f", "c-1-f"):
        await scene.beat(worker, 16)
        await scene.beat(worker, 16)
        assert len(await scene.holds(worker) & set(suspects)) == 4
    await scene.take("b-1-f", 8)
    assert len(await scene.holds("b-1-f") & set(others)) == 8


async def test_of_a_death_the_most_suspect_are_blamed_and_no_others(scene: Scene) -> None:
    """A record that was in the worker by chance goes back unchanged."""
    suspects = await scene.submit(16)
    await scene.beat("a-1-f", 16)
    await scene.take("a-1-f", 16)
    await scene.die("a-1-f")
    await scene.beat("a-2-f", 16)
    others = await scene.submit(8)
    await scene.take("a-2-f", 8)
    await scene.die("a-2-f")
    assert await scene.companies(others) == [None] * 8
    assert sorted(map(str, await scene.companies(suspects))) == ["2"] * 4 + ["4"] * 12


async def _two_that_are_to_be_alone(scene: Scene) -> list[str]:
    ids = []
    for _ in range(2):
        ids += await scene.submit(1)
        await asyncio.sleep(0.002)  # jobs of one millisecond have no order
    for job_id in ids:
        await scene.claim("a-1-f", job_id)
    await scene.redis.delete(QUEUE)
    await scene.die("a-1-f")
    assert await scene.companies(ids) == ["1", "1"]
    return ids


async def test_who_has_to_be_alone_waits_until_a_worker_is_empty(scene: Scene) -> None:
    """The worker takes nothing else until then, and its messages go back to the others."""
    others = await scene.submit(3)
    await scene.beat("b-1-f")
    await scene.take("b-1-f", 2)
    alone = await _two_that_are_to_be_alone(scene)
    beat = await scene.beat("b-1-f")
    assert (beat.closed, beat.called) == (True, [])
    with pytest.raises(WorkerClosedError):
        await scene.ledger.claim(others[2], "b-1-f", LEASE)
    assert await scene.redis.rpop(QUEUE)  # what came back is next
    await scene.finish("b-1-f")
    beat = await scene.beat("b-1-f")
    assert [called.record_id for called in beat.called] == alone[:1]
    with pytest.raises(WorkerClosedError):
        await scene.ledger.claim(others[2], "b-1-f", LEASE)
    assert (await scene.ledger.claim(others[2], "c-1-f", LEASE)) is not None


async def test_between_two_that_run_alone_a_worker_serves_the_others(scene: Scene) -> None:
    """Unless there is nobody else; then one alone follows the other."""
    alone = await _two_that_are_to_be_alone(scene)
    await scene.beat("b-1-f")
    assert await scene.holds("b-1-f") == {alone[0]}
    await asyncio.sleep(0.02)
    (other,) = await scene.submit(1)
    await scene.finish("b-1-f")
    beat = await scene.beat("b-1-f")
    assert (beat.closed, beat.called) == (False, [])
    await scene.claim("b-1-f", other)
    await scene.finish("b-1-f")
    await scene.beat("b-1-f")
    assert await scene.holds("b-1-f") == {alone[1]}


async def test_half_of_the_workers_are_open_to_all(scene: Scene) -> None:
    """However many have to be alone."""
    await _two_that_are_to_be_alone(scene)
    await scene.submit(8)
    for worker in "bcd":
        await scene.beat(f"{worker}-1-f", 4)
    closed = [(await scene.beat(f"{worker}-1-f", 4)).closed for worker in "bcd"]
    assert closed == [True, False, False]


async def test_who_ended_a_worker_alone_tries_another_station_next(scene: Scene) -> None:
    """The station may be to blame; without another one, the record runs there again."""
    (job_id,) = await scene.submit(1)
    await scene.beat("b-1-f")
    await scene.claim("a-1-f", job_id)
    await scene.die("a-1-f")
    assert not (await scene.beat("a-2-f")).called
    await scene.retire("b-1-f")
    assert [called.record_id for called in (await scene.beat("a-2-f")).called] == [job_id]


async def test_a_suspect_that_was_called_in_vain_waits_for_another(scene: Scene) -> None:
    """The worker died, or is to stop, before it came to claim it."""
    alone = await _two_that_are_to_be_alone(scene)
    for worker, end in (("b-1-f", scene.die), ("b-2-f", scene.retire)):
        beat = await scene.ledger.heartbeat(worker, LEASE, {QUEUE: 4}, [])
        assert [called.record_id for called in beat.called] == alone[:1]
        scene.held[worker] = []
        await end(worker)
    assert [called.record_id for called in (await scene.beat("c-1-f")).called] == alone[:1]


async def test_what_a_dead_worker_had_of_the_window_is_free_at_once(scene: Scene) -> None:
    """Its leases, its capacity, and the messages that it had taken and not claimed."""
    await scene.submit(40)
    await scene.beat("a-1-f", 8)
    await scene.beat("b-1-f", 8)
    await scene.take("a-1-f", 8)
    for _ in range(4):
        await scene.redis.rpop(QUEUE)
    await scene.die("a-1-f")
    (depth,) = (await scene.ledger.depth()).queues
    assert (depth.leased, depth.dispatched, depth.capacity) == (0, 10, 8)
    assert await scene.redis.llen(QUEUE) == 10


async def test_a_worker_does_not_bury_itself(scene: Scene) -> None:
    """Only those that had its name before."""
    (job_id,) = await scene.submit(1)
    await scene.claim("a-1-f", job_id)
    buried = await scene.ledger.deaths.bury("a", losses=3, living="a-1-f")
    assert buried == Buried(workers=0, expired=0, killed=0)
    buried = await scene.ledger.deaths.bury("a", losses=3, living="a-2-f")
    assert buried == Buried(workers=1, expired=1, killed=0)


async def test_a_worker_that_is_silent_for_a_lease_is_buried_by_the_sweep(scene: Scene) -> None:
    """With all that it held, whichever lease ended first."""
    ids = await scene.submit(2)
    for job_id, seconds in zip(ids, (0.01, 0.02), strict=True):
        assert await scene.ledger.claim(job_id, "a-1-f", seconds)
    await asyncio.sleep(0.03)
    swept = await scene.ledger.sweeps.run(
        every_seconds=0, lease_seconds=LEASE, grace_seconds=LEASE, losses=3, retention_seconds=3600
    )
    assert (swept.expired, swept.killed) == (2, 0)
    assert await scene.companies(ids) == ["1", "1"]


async def test_who_gets_through_its_stage_or_is_redriven_is_no_suspect(scene: Scene) -> None:
    """Its fate at an earlier stage, or in an earlier fleet, says nothing."""
    ids = await _two_that_are_to_be_alone(scene)
    await scene.beat("b-1-f")
    (claim,) = scene.held.pop("b-1-f")
    assert claim.suspect
    await scene.ledger.advance(claim, "infer.cpu", PREPARED)
    await scene.beat("b-1-f")
    (claim,) = scene.held.pop("b-1-f")
    await scene.ledger.finish(claim, JobState.DEAD)
    await scene.ledger.dead_letters.redrive(claim.id, Redrive())
    assert await scene.companies(ids) == [None, None]
