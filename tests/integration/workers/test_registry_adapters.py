"""Jobs on adapters of the registry: each runs on the version that it names, or dies with a code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from ledger.claim import Claim
from producer.client import connect
from schemas.adapter import AdapterTerms, adapter_uri
from schemas.document import DocumentRef
from schemas.failure import FailureCode
from schemas.ids import new_job_id
from schemas.job import JobSpec, PinnedAdapter
from schemas.queues import PREPARE_QUEUE
from schemas.states import JobState
from settings.fleet import FleetSettings
from settings.sections.ocr import OcrSettings
from tests.fixtures.infer_scene import InferScene
from tests.fixtures.small_adapters import (
    INPUTS,
    MAX_RANK,
    OUTPUTS,
    tell_of_base,
    write_small_adapter,
)
from workers.errors import StageError
from workers.models.adapter_cache import AdapterCache
from workers.models.adapter_registry import TaskAdapters
from workers.models.model_tokenizer import ModelTokenizer
from workers.prepare.stage import PoolTokens, PrepareStage
from workers.routing import PoolLimits


class Fleet:
    """A worker with the scripted engine, and a registry.

    Attributes:
        scene: The worker.
        folder: The worker's cache.
    """

    def __init__(self, settings: FleetSettings, tmp_path: Path) -> None:
        self.scene = InferScene(settings)
        self.folder = tmp_path / "cache"
        self._settings = settings
        self._sources = tmp_path
        self.scene.adapters = TaskAdapters.none()
        cache = AdapterCache(
            self.scene.store,
            settings.work_bucket,
            self.folder,
            2**20,
            {"layers.0.self_attn.q_proj": (OUTPUTS, INPUTS)},
            MAX_RANK,
        )
        self.scene.adapters.serve("smollm2", cache)

    async def added(self, fill: int) -> PinnedAdapter:
        """Add an adapter to the registry, as a job keeps it."""
        await tell_of_base(self.scene.ledger, self._settings)
        folder = write_small_adapter(self._sources / f"{fill}", fill)
        terms = AdapterTerms(name="claims", version=f"{fill}", task="fnol")
        async with connect(self._settings) as client:
            return (await client.adapters.add(folder, terms)).pinned()

    async def retire(self, pin: PinnedAdapter) -> None:
        """Retire an adapter."""
        async with connect(self._settings) as client:
            await client.adapters.retire(pin.ref)

    async def ran(self, pins: dict[str, PinnedAdapter | None], *tasks: str) -> str:
        """Run a job to its end; return its id."""
        job_id = await self.scene.job(*(tasks or pins), adapters=pins)
        await self.scene.run(job_id)
        return job_id


@pytest.fixture
async def fleet(settings: FleetSettings, tmp_path: Path) -> AsyncIterator[Fleet]:
    """A fleet of one worker, which was started before any adapter was added."""
    made = Fleet(settings, tmp_path)
    await made.scene.restart()
    yield made
    await made.scene.close()


async def test_a_worker_runs_adapters_that_were_added_after_its_start(fleet: Fleet) -> None:
    """Each task of a job on its own; the result names it, and the job shows it."""
    one, two = await fleet.added(1), await fleet.added(2)
    job_id = await fleet.ran({"first": one, "second": two, "third": None})
    result = await fleet.scene.result(job_id)
    told = json.loads(result.model_dump_json(exclude_none=True))["tasks"]
    for task, pin in (("first", one), ("second", two)):
        named = {"name": "claims", "version": pin.version, "sha256": pin.sha256}
        assert told[task]["adapter"] == named
    assert "adapter" not in told["third"]
    job = await fleet.scene.state(job_id)
    assert {task: one.version for task, one in job.adapters.items()} == {
        "first": "1",
        "second": "2",
    }


async def test_a_job_in_flight_runs_on_an_adapter_that_was_retired_meanwhile(fleet: Fleet) -> None:
    """It is fetched then, for nothing in the bucket was deleted."""
    pin = await fleet.added(1)
    job_id = await fleet.scene.job("first", adapters={"first": pin})
    await fleet.retire(pin)
    await fleet.scene.run(job_id)
    assert (await fleet.scene.state(job_id)).state is JobState.SUCCEEDED


@pytest.mark.parametrize("gone", [ADAPTER_CONFIG, WEIGHTS])
async def test_a_job_whose_adapter_is_gone_is_dead_and_the_others_go_on(
    fleet: Fleet, settings: FleetSettings, gone: str
) -> None:
    """Its failure says what is missing; the engine serves the next job."""
    good, bad = await fleet.added(1), await fleet.added(2)
    await fleet.scene.store.delete(adapter_uri(settings.work_bucket, bad.sha256, gone))
    job = await fleet.scene.state(await fleet.ran({"first": bad}))
    assert job.state is JobState.DEAD
    assert job.failure is not None
    assert job.failure.code is FailureCode.ADAPTER_MISSING
    assert gone in job.failure.message
    both = await fleet.scene.state(await fleet.ran({"first": bad, "second": good}))
    assert both.state is JobState.PARTIALLY_SUCCEEDED
    assert fleet.scene.deaths == 0


async def test_a_changed_copy_dead_letters_its_job_and_a_redrive_mends_it(fleet: Fleet) -> None:
    """The copy is removed, and the next attempt fetches the right one."""
    pin = await fleet.added(1)
    await fleet.ran({"first": pin})
    weights = fleet.folder / pin.sha256 / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x3d")
    job_id = await fleet.ran({"first": pin})
    job = await fleet.scene.state(job_id)
    assert job.failure is not None
    assert (job.state, job.failure.code) == (JobState.DEAD, FailureCode.ADAPTER_INVALID)
    again = await fleet.ran({"first": pin})
    assert (await fleet.scene.state(again)).state is JobState.SUCCEEDED
    assert fleet.scene.deaths == 0


async def test_an_adapter_of_another_base_never_reaches_the_engine(fleet: Fleet) -> None:
    """A redrive can send a job to another pool."""
    pin = (await fleet.added(1)).model_copy(update={"base": "mistral"})
    job = await fleet.scene.state(await fleet.ran({"first": pin}))
    assert job.failure is not None
    assert job.failure.code is FailureCode.ADAPTER_INVALID
    assert "mistral" in job.failure.message
    assert fleet.scene.engine.asked == []


async def test_a_job_goes_to_a_pool_of_the_base_model_of_its_adapter(
    fleet: Fleet, settings: FleetSettings
) -> None:
    """Past a cheaper pool of another model; where there is none, the job says so."""
    pin = await fleet.added(1)
    pools = [
        PoolTokens(PoolLimits(name, model, 8192), ModelTokenizer("none"))
        for name, model in (("cheap", "tiny"), ("right", "smollm2"))
    ]
    without = settings.model_copy(update={"ocr": OcrSettings(enabled=False)})
    stage = PrepareStage(without, fleet.scene.store, fleet.scene.tasks, pools)
    uri = f"s3://{fleet.scene.work_bucket}/a.txt"
    await fleet.scene.store.put(uri, b"Hail broke two skylights.", media_type="text/plain")

    async def claimed(pins: dict[str, PinnedAdapter | None]) -> Claim:
        job_id = new_job_id()
        spec = JobSpec(document=DocumentRef(uri=uri), tasks=("first",), adapters=pins)
        await fleet.scene.ledger.submit(job_id, spec)
        claim = await fleet.scene.ledger.claim(job_id, "w0", 30, queue=PREPARE_QUEUE)
        assert claim is not None
        return claim

    try:
        chosen: list[tuple[dict[str, PinnedAdapter | None], str]] = [
            ({}, "infer.cheap"),
            ({"first": pin}, "infer.right"),
        ]
        for pins, queue in chosen:
            claim = await claimed(pins)
            advanced = await stage.run(claim)
            assert advanced.queue == queue
            await fleet.scene.ledger.advance(claim, advanced.queue, advanced.prepared)
        other = pin.model_copy(update={"base": "mistral"})
        with pytest.raises(StageError, match="runs on mistral, which no pool"):
            await stage.run(await claimed({"first": other}))
    finally:
        await stage.stop()
