"""Dead letters in the ledger: looked through, redriven, dropped; on a real Valkey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from ledger import keys
from ledger.errors import CursorError, NotDeadError
from ledger.fleet.sweeps import Swept
from ledger.ledger import Ledger
from ledger.record import from_unix_ms
from schemas.dead_letter import DeadLetter, DeadLetterFilter, DeadLetterKind, Redrive
from schemas.document import DocumentRef
from schemas.failure import Failure, FailureCode
from schemas.ids import new_job_id
from schemas.job import JobSpec, KeptCallback, Priority
from schemas.states import JobState, Stage
from tests.fixtures.hand_worker import claim, kill, prepare

EMPTY = Failure.of(FailureCode.DOCUMENT_EMPTY, "0 bytes.")
NO_MEMORY = Failure.of(FailureCode.ENGINE_OUT_OF_MEMORY, "Alone.")
REFUSED = Failure.of(FailureCode.DELIVERY_REFUSED, "The receiver answered 500.")
KEPT = "s3://work/kept/x.json"
ALL = DeadLetterFilter()
AS_IT_WAS = Redrive()


async def _submitted(ledger: Ledger, *, callback: bool = False, **spec: Any) -> str:
    job_id = new_job_id()
    url = KeptCallback.model_validate({"url": "http://claims.test/"}) if callback else None
    asked = {"tasks": ("fnol",), **spec}
    document = DocumentRef(uri="s3://incoming/claim.pdf")
    assert await ledger.submit(job_id, JobSpec(document=document, callback=url, **asked))
    return job_id


async def _dead(ledger: Ledger, failure: Failure = EMPTY, **spec: Any) -> str:
    job_id = await _submitted(ledger, **spec)
    await kill(ledger, job_id, failure)
    return job_id


async def _dead_at_infer(ledger: Ledger) -> str:
    job_id = await _submitted(ledger)
    await prepare(ledger, job_id, "infer.t4")
    await kill(ledger, job_id, NO_MEMORY, kept_uri=KEPT)
    return job_id


async def _partial(ledger: Ledger, *, callback: bool = False) -> str:
    job_id = await _submitted(ledger, callback=callback, tasks=("fnol", "summary"))
    await prepare(ledger, job_id, "infer.t4")
    held = await claim(ledger, job_id)
    await ledger.finish(held, JobState.PARTIALLY_SUCCEEDED, result_uri="s3://results/x.json")
    return job_id


def _delivery(job_id: str, end: str) -> str:
    return f"msg_{job_id.removeprefix('job_')}_{end}"


async def _died_at(redis: Redis, job_ids: list[str], milliseconds: int) -> None:
    for job_id in job_ids:
        await redis.zadd(keys.DEAD, {job_id: milliseconds})
        await redis.hset(keys.record(job_id), "closed", str(milliseconds))


async def _ids(ledger: Ledger, which: DeadLetterFilter = ALL) -> list[str]:
    return [letter.id async for letter in ledger.dead_letters.each(which)]


async def _letter(ledger: Ledger, record_id: str) -> DeadLetter:
    letter = await ledger.dead_letters.get(record_id)
    assert letter is not None
    return letter


async def _sweep(ledger: Ledger, retention: float) -> Swept:
    return await ledger.sweeps.run(
        every_seconds=0, lease_seconds=30, grace_seconds=30, losses=3, retention_seconds=retention
    )


async def test_a_dead_letter_tells_all_that_is_known(ledger: Ledger) -> None:
    """The letter has the document, the failure and each attempt."""
    job_id = await _dead_at_infer(ledger)
    letter = await _letter(ledger, job_id)
    assert (letter.kind, letter.stage, letter.queue) == (
        DeadLetterKind.JOB,
        Stage.INFER,
        "infer.t4",
    )
    assert (letter.failure, letter.kept_uri, letter.redrives) == (NO_MEMORY, KEPT, 0)
    assert (letter.tasks, letter.tenant, letter.attempts) == (("fnol",), "default", 1)
    assert letter.document == DocumentRef(uri="s3://incoming/claim.pdf")
    (attempt,) = letter.history
    assert (attempt.worker, attempt.seconds, attempt.failure) == ("hand", 1.5, NO_MEMORY)


async def test_what_is_no_dead_letter_is_not_given_as_one(ledger: Ledger) -> None:
    """Neither what nobody knows nor what is in line nor what partially succeeded."""
    for record_id in (new_job_id(), await _submitted(ledger), await _partial(ledger), "nonsense"):
        assert await ledger.dead_letters.get(record_id) is None
    assert await _ids(ledger) == []


async def test_a_job_that_died_at_prepare_is_redriven_from_there(
    ledger: Ledger, redis: Redis
) -> None:
    """Its attempts count anew, its history stays, and its priority still counts."""
    job_id = await _dead(ledger, priority=Priority.LOW)
    assert await ledger.dead_letters.redrive(job_id, AS_IT_WAS)
    job = await ledger.job(job_id)
    assert job is not None
    assert (job.state, job.stage, job.queue) == (JobState.QUEUED, Stage.PREPARE, "prepare")
    assert (job.redrives, job.attempts, job.failure, job.closed_at) == (1, 0, None, None)
    assert len(job.history) == 1
    rank, updated = await redis.hmget(keys.record(job_id), "rank", "updated")
    assert int(rank) == int(updated) + Priority.LOW.handicap_ms
    assert await _ids(ledger) == []
    held = await claim(ledger, job_id)
    assert (held.attempt, held.redrives, held.pool, dict(held.versions)) == (1, 1, None, {})


async def test_a_job_that_died_at_infer_is_redriven_from_there_with_what_was_kept(
    ledger: Ledger,
) -> None:
    """In the queue of the pool that it was routed to, prepared as it is."""
    job_id = await _dead_at_infer(ledger)
    assert await ledger.dead_letters.redrive(job_id, AS_IT_WAS)
    held = await ledger.claim(job_id, "w1", 30, queue="infer.t4")
    assert held is not None
    assert held.prepared is not None
    assert (held.stage, held.attempt, held.kept_uri) == (Stage.INFER, 1, KEPT)


async def test_a_suspect_that_is_redriven_is_no_suspect(ledger: Ledger) -> None:
    """The record runs beside others again."""
    job_id = await _submitted(ledger)
    await ledger.release(await claim(ledger, job_id), charge=False, suspect=True)
    await kill(ledger, job_id, NO_MEMORY)
    await ledger.dead_letters.redrive(job_id, AS_IT_WAS)
    assert not (await claim(ledger, job_id)).suspect


async def test_a_redrive_may_name_the_pool_and_the_versions(ledger: Ledger) -> None:
    """At infer the job stands in that pool's line; at prepare its claim says what is wanted."""
    how = Redrive(pool="a100", versions={"fnol": "2"})
    at_infer, at_prepare = await _dead_at_infer(ledger), await _dead(ledger)
    for job_id in (at_infer, at_prepare):
        assert await ledger.dead_letters.redrive(job_id, how)
    for job_id, queue in ((at_infer, "infer.a100"), (at_prepare, "prepare")):
        held = await ledger.claim(job_id, "w1", 30, queue=queue)
        assert held is not None
        assert (held.pool, held.versions) == ("infer.a100", {"fnol": "2"})


async def test_a_partially_succeeded_job_is_redriven_and_keeps_its_result(
    ledger: Ledger, redis: Redis
) -> None:
    """The result stays where it is until a better one replaces it; nothing will forget it now."""
    job_id = await _partial(ledger)
    assert await ledger.dead_letters.redrive(job_id, AS_IT_WAS)
    assert await redis.zscore(keys.ENDED, job_id) is None
    held = await claim(ledger, job_id)
    assert (held.redrives, held.result_uri) == (1, "s3://results/x.json")


async def test_a_delivery_is_redriven_with_all_that_it_tells(ledger: Ledger) -> None:
    """Under its own id, so that a receiver that knows it already can see that."""
    job_id = await _dead(ledger, callback=True, tenant="acme")
    delivery_id = _delivery(job_id, "dead")
    before = await claim(ledger, delivery_id)
    await ledger.release(before, charge=False)
    await kill(ledger, delivery_id, REFUSED)
    letter = await _letter(ledger, delivery_id)
    assert (letter.kind, letter.job_id, letter.tenant) == (DeadLetterKind.DELIVERY, job_id, "acme")
    assert (str(letter.url), letter.stage, letter.tasks) == ("http://claims.test/", None, ())
    assert await ledger.dead_letters.redrive(delivery_id, AS_IT_WAS)
    again = await ledger.claim(delivery_id, "w1", 30, queue="deliver")
    assert again is not None
    assert (again.spec, again.attempt) == (before.spec, 1)
    assert await _ids(ledger) == [job_id]


async def test_a_replayed_redrive_redrives_once(ledger: Ledger) -> None:
    """The same nonce answers as the first time, even when the job is dead again by then."""
    job_id = await _dead(ledger)
    words = [job_id, "", "", "nonce", "", ""]
    scripts = ledger.dead_letters._scripts
    assert await scripts.run("redrive", [keys.record(job_id)], words) == ["redriven", "queued"]
    assert await scripts.run("redrive", [keys.record(job_id)], words) == ["redriven", "queued"]
    await kill(ledger, job_id, EMPTY)
    assert await scripts.run("redrive", [keys.record(job_id)], words) == ["redriven", "dead"]
    assert (await _letter(ledger, job_id)).redrives == 1


@pytest.mark.parametrize("round_", [1, 2])
async def test_the_event_after_a_redrive_has_an_id_of_its_own(ledger: Ledger, round_: int) -> None:
    """The receiver was told of the first end under the first id."""
    await ledger.heartbeat("hand", 300, {"deliver": 8}, [])
    job_id = await _dead(ledger, callback=True)
    for _ in range(round_):
        assert await ledger.dead_letters.redrive(job_id, AS_IT_WAS)
        await kill(ledger, job_id, EMPTY)
    assert await claim(ledger, _delivery(job_id, "dead"))
    assert await claim(ledger, _delivery(job_id, f"dead_r{round_}"))


async def test_what_is_not_dead_is_neither_redriven_nor_dropped(ledger: Ledger) -> None:
    """The error says what it is; of an id that nobody knows there is no error."""
    queued = await _submitted(ledger)
    cancelled = await _submitted(ledger)
    await ledger.cancel(cancelled)
    for job_id, state in ((queued, JobState.QUEUED), (cancelled, JobState.CANCELLED)):
        for change in (
            ledger.dead_letters.drop(job_id),
            ledger.dead_letters.redrive(job_id, AS_IT_WAS),
        ):
            with pytest.raises(NotDeadError, match=f"it is {state}") as caught:
                await change
            assert caught.value.state is state
    with pytest.raises(NotDeadError, match="partially_succeeded"):
        await ledger.dead_letters.drop(await _partial(ledger))
    assert not await ledger.dead_letters.redrive(new_job_id(), AS_IT_WAS)
    assert not await ledger.dead_letters.drop(new_job_id())


async def test_a_dropped_dead_letter_counts_as_cancelled_and_nobody_is_told(
    ledger: Ledger, redis: Redis
) -> None:
    """There is no event of the drop; the failure and the history can still be read."""
    job_id = await _dead(ledger, callback=True)
    before = await redis.keys("docfleet:record:msg_*")
    assert await ledger.dead_letters.drop(job_id)
    job = await ledger.job(job_id)
    assert job is not None
    assert (job.state, job.failure, len(job.history)) == (JobState.CANCELLED, EMPTY, 1)
    assert await redis.keys("docfleet:record:msg_*") == before
    assert (await ledger.depth()).dead == {}
    assert await redis.zscore(keys.ENDED, job_id) is not None


async def test_filters_choose_by_code_task_tenant_and_kind(ledger: Ledger) -> None:
    """All conditions must hold."""
    plain = await _dead(ledger)
    acme = await _dead(ledger, NO_MEMORY, tenant="acme", tasks=("fnol", "summary"), callback=True)
    delivery = _delivery(acme, "dead")
    await kill(ledger, delivery, REFUSED)
    for conditions, expected in [
        ({}, [delivery, acme, plain]),
        ({"code": FailureCode.DOCUMENT_EMPTY}, [plain]),
        ({"task": "fnol"}, [acme, plain]),
        ({"task": "summary"}, [acme]),
        ({"tenant": "acme"}, [delivery, acme]),
        ({"kind": DeadLetterKind.DELIVERY}, [delivery]),
        ({"kind": DeadLetterKind.JOB, "tenant": "acme"}, [acme]),
        ({"tenant": "default", "task": "summary"}, []),
    ]:
        assert sorted(await _ids(ledger, DeadLetterFilter(**conditions))) == sorted(expected)


async def test_ages_choose_from_a_time_up_to_another(ledger: Ledger, redis: Redis) -> None:
    """`after` includes its moment and `before` does not."""
    jobs = [await _dead(ledger) for _ in range(3)]
    times = [1_000_000, 2_000_000, 3_000_000]
    for job_id, time in zip(jobs, times, strict=True):
        await _died_at(redis, [job_id], time)
    old, middle, new = jobs
    at = from_unix_ms(times[1])
    assert await _ids(ledger, DeadLetterFilter(before=at)) == [old]
    assert await _ids(ledger, DeadLetterFilter(after=at)) == [new, middle]
    later = at + timedelta(milliseconds=1)
    assert await _ids(ledger, DeadLetterFilter(after=at, before=later)) == [middle]


async def _pages(ledger: Ledger, limit: int, which: DeadLetterFilter = ALL) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        page = await ledger.dead_letters.page(which, after=cursor, limit=limit)
        pages.append([letter.id for letter in page.items])
        cursor = page.next
        if cursor is None:
            return pages


async def test_pages_hold_each_dead_letter_once_even_where_many_died_at_once(
    ledger: Ledger, redis: Redis
) -> None:
    """Of equal times the id decides; the last page has no cursor after it."""
    jobs = [await _dead(ledger) for _ in range(7)]
    await _died_at(redis, jobs[:5], 2_000_000)
    await _died_at(redis, jobs[5:], 1_000_000)
    expected = sorted(jobs[:5], reverse=True) + sorted(jobs[5:], reverse=True)
    for limit in (1, 2, 3, 6, 7, 8):
        pages = await _pages(ledger, limit)
        assert [one for page in pages for one in page] == expected
        assert {len(page) for page in pages[:-1]} <= {limit}


async def test_a_page_goes_on_where_the_last_one_ended_whatever_was_redriven_meanwhile(
    ledger: Ledger, redis: Redis
) -> None:
    """The entry of the cursor may be gone; what died meanwhile is newer than any page to come."""
    jobs = [await _dead(ledger) for _ in range(6)]
    await _died_at(redis, jobs, 1_000_000)
    newest_first = sorted(jobs, reverse=True)
    first = await ledger.dead_letters.page(ALL, limit=3)
    for letter in first.items:
        await ledger.dead_letters.redrive(letter.id, AS_IT_WAS)
    await kill(ledger, newest_first[0], EMPTY)
    second = await ledger.dead_letters.page(ALL, after=first.next, limit=3)
    assert [letter.id for letter in second.items] == newest_first[3:]


async def test_more_dead_letters_than_one_reading_holds_are_all_found(ledger: Ledger) -> None:
    """A filter that few meet looks past the first batch, and pages of any size hold them all."""
    await ledger.heartbeat("hand", 300, {"prepare": 500}, [])
    rare = await _dead(ledger, NO_MEMORY)
    jobs = [await _dead(ledger) for _ in range(410)]
    assert sorted(await _ids(ledger)) == sorted([rare, *jobs])
    assert await _pages(ledger, 1, DeadLetterFilter(code=NO_MEMORY.code)) == [[rare]]
    pages = await _pages(ledger, 205)
    assert [len(page) for page in pages] == [205, 205, 1]
    assert sorted(one for page in pages for one in page) == sorted([rare, *jobs])


async def test_what_is_gone_through_may_be_redriven_meanwhile(ledger: Ledger) -> None:
    """Each one once, and none that dies again on the way."""
    jobs = [await _dead(ledger) for _ in range(5)]
    seen = []
    async for letter in ledger.dead_letters.each(ALL):
        seen.append(letter.id)
        await ledger.dead_letters.redrive(letter.id, AS_IT_WAS)
        await kill(ledger, letter.id, EMPTY)
    assert sorted(seen) == sorted(jobs)
    assert len(await _ids(ledger)) == 5


@pytest.mark.parametrize("cursor", ["", "nonsense", "-job_1", "1.5-job_1"])
async def test_a_cursor_that_is_none_is_an_error(ledger: Ledger, cursor: str) -> None:
    """Not an empty page, and not the first one again."""
    with pytest.raises(CursorError):
        await ledger.dead_letters.page(ALL, after=cursor)


async def test_retention_forgets_what_ended_and_never_a_dead_letter(
    ledger: Ledger, redis: Redis
) -> None:
    """Record and history go; a dead letter stays until it is redriven or dropped."""
    dead, partial = await _dead(ledger), await _partial(ledger)
    for job_id in (dead, partial):
        assert await redis.exists(keys.record(job_id))
    assert (await _sweep(ledger, retention=3600)).forgotten == 0
    assert (await _sweep(ledger, retention=-1)).forgotten == 1
    assert await ledger.job(partial) is None
    assert await _ids(ledger) == [dead]
    await ledger.dead_letters.drop(dead)
    assert (await _sweep(ledger, retention=3600)).forgotten == 0
    assert (await _sweep(ledger, retention=-1)).forgotten == 1
    assert await redis.exists(keys.record(dead), keys.history(dead)) == 0


async def test_times_without_a_zone_are_refused() -> None:
    """They would mean another moment on each machine."""
    with pytest.raises(ValueError, match="timezone"):
        DeadLetterFilter(before=datetime(2025, 5, 3))  # noqa: DTZ001  # what is refused
    assert DeadLetterFilter(before=datetime(2025, 5, 3, tzinfo=UTC)).before
