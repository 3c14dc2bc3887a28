"""Failures of tasks and of the engine in an infer worker: on a real ledger and a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from schemas.dead_letter import Redrive
from schemas.failure import FailureCode
from schemas.job import Job
from schemas.kept import KeptTasks
from schemas.result import TaskStatus
from schemas.review import ReviewState
from schemas.states import JobState, Stage
from schemas.task import ReviewRule
from schemas.value_type import MappedField, ValueType
from settings.fleet import FleetSettings
from storage.errors import ObjectMissingError
from tests.fixtures.infer_scene import LARGER_POOL, POOL, InferScene, task
from tests.fixtures.waiting import until
from workers.engine.protocol import EngineAnswer, EngineRequest
from workers.errors import (
    EngineDiedError,
    PromptTooLongError,
    RequestFailedError,
    RequestRefusedError,
)


@pytest.fixture
async def scene(settings: FleetSettings) -> AsyncIterator[InferScene]:
    """A worker of the only pool."""
    scene = InferScene(settings)
    await scene.restart()
    yield scene
    await scene.close()


@pytest.fixture
async def two_pools(settings: FleetSettings) -> AsyncIterator[InferScene]:
    """A worker of the smaller of two pools."""
    scene = InferScene(settings, larger=True)
    await scene.restart()
    yield scene
    await scene.close()


def _out_of_memory() -> EngineDiedError:
    return EngineDiedError("The engine died: out of memory.", out_of_memory=True)


def _queued(job: Job) -> bool:
    return job.state is JobState.QUEUED


async def test_all_in_flight_when_the_engine_dies_go_back_uncharged_and_run_alone_next(
    scene: InferScene,
) -> None:
    """The neighbours of the one that kills the engine finish; it is a dead letter that says why."""
    killer, *neighbours = [await scene.job("first") for _ in range(3)]
    scene.engine.trouble["first"] = [_out_of_memory() for _ in range(3)]
    await scene.run(killer, *neighbours, crowd=3)
    assert scene.deaths == 1
    for job_id in (killer, *neighbours):
        job = await scene.state(job_id)
        assert (job.state, job.attempts) == (JobState.QUEUED, 0)
        assert [entry.charged for entry in job.history] == [False]
    await scene.restart()
    await scene.run(*neighbours)
    assert scene.engine.together["first"] == 1
    for job_id in neighbours:
        assert (await scene.state(job_id)).state is JobState.SUCCEEDED
    scene.engine.trouble["first"] = [_out_of_memory()]
    await scene.run(killer)
    job = await scene.state(killer)
    assert job.state is JobState.DEAD
    assert job.failure is not None
    assert job.failure.code is FailureCode.ENGINE_OUT_OF_MEMORY
    assert [entry.failure.code for entry in job.history] == [FailureCode.ENGINE_OUT_OF_MEMORY] * 2
    assert job.history[-1].engine == scene.engine.version


async def test_a_document_whose_text_was_deleted_is_read_again(scene: InferScene) -> None:
    """The job goes back to prepare, and keeps what its tasks have."""
    job_id = await scene.job("first")
    job = await scene.state(job_id)
    assert job.prepared is not None
    await scene.store.delete(job.prepared.text_uri)
    await scene.run(job_id)
    job = await scene.state(job_id)
    assert (job.state, job.queue, job.stage) == (JobState.QUEUED, "prepare", Stage.PREPARE)
    assert job.attempts == 0


async def test_a_result_with_findings_opens_a_review(
    scene: InferScene,
) -> None:
    """Its types and its form are in the result; the findings are in the record, too."""
    scene.tasks["first"] = task("first").model_copy(
        update={
            "types": {"/value": ValueType.DATE},
            "mapping": {
                "Claim.LossDt": MappedField.model_validate({"from": "/value", "as": "date"}),
                "Claim.Source": MappedField.model_validate({"value": "mail"}),
            },
        }
    )
    await scene.restart()
    job_id = await scene.job("first")
    await scene.run(job_id)
    made = (await scene.result(job_id)).tasks["first"]
    assert (made.typed, made.mapped) == ({}, {"Claim": {"LossDt": None, "Source": "mail"}})
    assert "/value: no date" in made.needs_review
    assert "first: /value: no date" in (await scene.state(job_id)).needs_review
    review = await scene.ledger.reviews.get(job_id)
    assert review is not None
    assert (review.state, "first: /value: no date" in review.reasons) == (ReviewState.OPEN, True)


async def test_who_waits_at_the_gate_when_the_engine_dies_is_no_suspect(
    settings: FleetSettings,
) -> None:
    """The request had nothing to do with the death, and goes back without an entry."""
    scene = InferScene(settings, slots=1)
    await scene.restart()
    killer, bystander = await scene.job("first"), await scene.job("second")
    scene.engine.trouble["first"] = [_out_of_memory()]
    killing = asyncio.create_task(scene.run(killer, crowd=2))
    await until(lambda: scene.engine.asked)
    waiting = asyncio.create_task(scene.run(bystander, crowd=2))
    await until(lambda: scene.gate.waiting)
    scene.engine.go_on()
    await asyncio.gather(killing, waiting)
    job = await scene.state(bystander)
    assert (job.state, job.attempts, job.history) == (JobState.QUEUED, 0, ())
    claim = await scene.ledger.claim(bystander, "w2", 30)
    assert claim is not None
    assert not claim.suspect
    await scene.close()


async def test_a_task_that_runs_out_of_memory_alone_costs_only_itself(scene: InferScene) -> None:
    """The job's other tasks are delivered; what they gave before is not paid for again."""
    job_id = await scene.job("first", "second", "third")
    for name in scene.tasks:
        scene.engine.trouble[name] = [_out_of_memory()]
    scene.engine.trouble["second"] += [_out_of_memory()]
    await scene.run(job_id, crowd=3)  # all of them in flight: the job is a suspect
    await scene.restart()
    await scene.run(job_id)  # alone, one by one: the second ends the engine
    assert scene.engine.asked == ["first", "second"]
    await scene.restart()
    await scene.run(job_id)
    assert scene.engine.asked == ["third"]
    result = await scene.result(job_id)
    assert result.state is JobState.PARTIALLY_SUCCEEDED
    failure = result.tasks["second"].failure
    assert failure is not None
    assert failure.code is FailureCode.ENGINE_OUT_OF_MEMORY
    assert list(result.tasks) == ["first", "second", "third"]


async def test_out_of_memory_alone_goes_to_a_larger_pool_first(two_pools: InferScene) -> None:
    """With its attempts counted anew."""
    job_id = await two_pools.job("first")
    two_pools.engine.trouble["first"] = [_out_of_memory(), _out_of_memory()]
    await two_pools.run(job_id)
    await two_pools.restart()
    await two_pools.run(job_id)
    job = await two_pools.state(job_id)
    assert (job.state, job.queue, job.attempts) == (JobState.QUEUED, f"infer.{LARGER_POOL}", 0)


async def test_a_prompt_that_is_too_long_goes_where_the_context_is_longer(
    two_pools: InferScene,
) -> None:
    """Routing only estimates; the engine counts."""
    job_id = await two_pools.job("first")
    two_pools.engine.trouble["first"] = [PromptTooLongError("9,000 tokens.")]
    await two_pools.run(job_id)
    assert (await two_pools.state(job_id)).queue == f"infer.{LARGER_POOL}"


async def test_repeated_deaths_halve_the_gate_and_a_single_one_does_not(scene: InferScene) -> None:
    """The next worker on the machine begins with what the ledger remembers."""
    capacities = []
    for _ in range(3):
        scene.engine.trouble["first"] = [_out_of_memory()]
        await scene.run(await scene.job("first"))
        await scene.restart()
        capacities.append(scene.stage.capacity)
    assert capacities == [4, 2, 1]
    assert scene.stage.max_capacity == 4


async def test_one_death_is_one_however_many_jobs_it_takes_along(
    scene: InferScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that learn of the death later do not count it again."""
    jobs = [await scene.job("first") for _ in range(4)]
    scene.engine.trouble["first"] = [_out_of_memory() for _ in jobs]
    asked = scene.engine.generate
    pauses = iter(range(4))

    async def one_by_one(request: EngineRequest) -> EngineAnswer:
        pause = next(pauses)
        try:
            return await asked(request)
        finally:
            await asyncio.sleep(pause / 20)

    monkeypatch.setattr(scene.engine, "generate", one_by_one)
    await scene.run(*jobs, crowd=4)
    await scene.restart()
    assert scene.stage.capacity == 4
    assert scene.deaths == 1
    assert (await scene.ledger.depth()).engines == {
        f"infer.{POOL}:started": 2,
        f"infer.{POOL}:died": 1,
    }


async def test_a_retry_runs_only_what_did_not_go_through(scene: InferScene) -> None:
    """A failure that passes costs its own task one more request, and the others none."""
    job_id = await scene.job("first", "second", "third")
    scene.engine.trouble["second"] = [RequestFailedError("a hiccup")]
    await scene.run(job_id)
    await scene.until(_queued, job_id)
    await scene.run(job_id)
    assert sorted(scene.engine.asked) == ["first", "second", "second", "third"]
    assert (await scene.state(job_id)).state is JobState.SUCCEEDED


async def test_a_task_that_fails_each_time_leaves_the_job_partially_succeeded(
    scene: InferScene,
) -> None:
    """When its attempts are used, the others are delivered."""
    job_id = await scene.job("first", "second")
    scene.engine.trouble["second"] = [RequestFailedError("again"), RequestFailedError("again")]
    await scene.run(job_id)
    await scene.until(_queued, job_id)
    await scene.run(job_id)
    result = await scene.result(job_id)
    assert result.tasks["first"].status is TaskStatus.SUCCEEDED
    failure = result.tasks["second"].failure
    assert failure is not None
    assert failure.code is FailureCode.ENGINE_ERROR


async def test_a_redrive_runs_only_what_failed_and_replaces_the_result(scene: InferScene) -> None:
    """The same job, the same object; its event has an id of its own."""
    job_id = await scene.job("first", "second")
    scene.engine.trouble["second"] = [RequestRefusedError("no")]
    await scene.run(job_id)
    before = await scene.result(job_id)
    assert before.state is JobState.PARTIALLY_SUCCEEDED
    assert await scene.ledger.dead_letters.redrive(job_id, Redrive())
    scene.engine.asked.clear()
    await scene.run(job_id)
    assert scene.engine.asked == ["second"]
    after = await scene.result(job_id)
    assert (after.state, after.redrive) == (JobState.SUCCEEDED, 1)
    assert after.tasks["first"] == before.tasks["first"]
    assert (await scene.state(job_id)).state is JobState.SUCCEEDED
    event = await scene.ledger.claim(f"msg_{job_id[4:]}_succeeded_r1", "w1", 30)
    assert event is not None


async def test_a_redrive_whose_result_was_written_before_its_worker_died_adopts_it(
    scene: InferScene,
) -> None:
    """The second attempt of the round meets the first one's object and asks the engine nothing."""
    job_id = await scene.job("first", "second")
    scene.engine.trouble["second"] = [RequestRefusedError("no")]
    await scene.run(job_id)
    await scene.ledger.dead_letters.redrive(job_id, Redrive())
    claim = await scene.ledger.claim(job_id, "w1", 30)
    assert claim is not None
    await scene.stage.run(claim)  # the result is written, and nobody hears of it
    await scene.ledger.release(claim, charge=True)
    scene.engine.asked.clear()
    await scene.run(job_id)
    assert scene.engine.asked == []
    assert (await scene.state(job_id)).state is JobState.SUCCEEDED


async def test_an_id_that_comes_again_for_something_else_gets_a_result_of_its_own(
    scene: InferScene,
) -> None:
    """The forgotten job's result is not passed off as the new job's."""
    job_id = await scene.job("first")
    await scene.run(job_id)
    before = await scene.result(job_id)
    await scene.ledger.sweeps.run(
        every_seconds=0, lease_seconds=30, grace_seconds=30, losses=3, retention_seconds=-1
    )
    assert await scene.ledger.job(job_id) is None
    await scene.job("first", "second", job_id=job_id)
    await scene.run(job_id)
    assert (await scene.state(job_id)).state is JobState.SUCCEEDED
    after = await scene.result(job_id)
    assert after.tasks.keys() == {"first", "second"}
    assert after.timings.submitted_at > before.timings.submitted_at


async def test_a_redrive_to_another_version_keeps_nothing_that_the_old_one_gave(
    scene: InferScene,
) -> None:
    """And a worker that has not got it says so."""
    job_id = await scene.job("first", "second")
    scene.engine.trouble["second"] = [RequestRefusedError("no")]
    await scene.run(job_id)
    await scene.ledger.dead_letters.redrive(job_id, Redrive(versions={"first": "2"}))
    await scene.run(job_id)
    job = await scene.state(job_id)
    assert job.failure is not None
    assert "2 is asked for" in job.failure.message
    scene.tasks["first"] = task("first", "2")
    await scene.restart()
    await scene.ledger.dead_letters.redrive(job_id, Redrive(versions={"first": "2"}))
    await scene.run(job_id)
    assert sorted(scene.engine.asked) == ["first", "second"]
    assert (await scene.result(job_id)).tasks["first"].version == "2"


async def test_a_job_of_which_every_task_failed_points_to_what_they_gave(
    scene: InferScene,
) -> None:
    """The raw answers are kept where the dead letter says."""
    fault = "docfleet-fault: invalid-output"
    job_id = await scene.job("first", text=f"A claim.\n{fault}\n")
    await scene.run(job_id)
    letter = await scene.ledger.dead_letters.get(job_id)
    assert letter is not None
    assert letter.failure.code is FailureCode.OUTPUT_INVALID
    assert letter.kept_uri is not None
    data = await scene.store.get(letter.kept_uri, max_bytes=2**20)
    kept = KeptTasks.model_validate_json(data)
    assert kept.tasks["first"].raw_output == '["invalid-output"]'


async def test_a_result_larger_than_the_limit_is_a_dead_letter_and_is_not_written(
    scene: InferScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could read it: readers have the same limit."""
    monkeypatch.setattr("workers.infer.results.MAX_RESULT_BYTES", 10)
    job_id = await scene.job("first")
    await scene.run(job_id)
    letter = await scene.ledger.dead_letters.get(job_id)
    assert letter is not None
    assert letter.failure.code is FailureCode.OUTPUT_TOO_LARGE
    with pytest.raises(ObjectMissingError):
        await scene.result(job_id)


async def test_task_results_larger_than_the_limit_are_not_kept(
    scene: InferScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure of the tasks is still the reason of the dead letter."""
    monkeypatch.setattr("workers.infer.kept_tasks.MAX_RESULT_BYTES", 10)
    job_id = await scene.job("first", text="A claim.\ndocfleet-fault: invalid-output\n")
    await scene.run(job_id)
    letter = await scene.ledger.dead_letters.get(job_id)
    assert letter is not None
    assert letter.failure.code is FailureCode.OUTPUT_INVALID
    assert letter.kept_uri is None


async def test_a_tasks_curve_calibrates_confidence_before_the_review_looks_at_it(
    scene: InferScene,
) -> None:
    """The scripted engine is sure of all that it says, and the curve knows better."""
    rule = {"review": ReviewRule(below=0.8), "calibration": ((0.5, 0.2), (1.0, 0.6))}
    scene.tasks["first"] = scene.tasks["first"].model_copy(update=rule)
    job_id = await scene.job("first", "second")
    await scene.run(job_id)
    tasks = (await scene.result(job_id)).tasks
    assert set(tasks["first"].confidence.values()) == {0.6}
    assert "/value: confidence 0.60 is below 0.8" in tasks["first"].needs_review
    assert set(tasks["second"].confidence.values()) == {1.0}
