"""Flower's events and the health of parts, on a running stack."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from celery import Celery

from tests.acceptance.running_stack import RunningStack, running_stack

OPTIONS = ("--engine", "scripted", "--infer-workers", "2", "--concurrency", "4")
_PATIENCE_SECONDS = 90

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Short leases, and Celery's events."""
    state_dir = tmp_path_factory.mktemp("state")
    variables = {"DOCFLEET_LEASE__SECONDS": "3", "DOCFLEET_CELERY_EVENTS": "true"}
    async with running_stack(state_dir, OPTIONS, variables) as stack:
        yield stack


def _celery_events(redis_url: str, wanted: set[str]) -> set[tuple[str, str]]:
    """Types and tasks of Celery's events, until each wanted type has come."""
    seen: set[tuple[str, str]] = set()
    app = Celery(broker=redis_url)
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection)

        def note(event: dict[str, Any]) -> None:
            seen.add((event["type"], event.get("uuid", "")))
            receiver.should_stop = wanted <= {kind for kind, _ in seen}

        receiver.handlers["*"] = note
        receiver.capture(timeout=_PATIENCE_SECONDS)
    return seen


async def test_celerys_events_tell_of_workers_and_tasks_where_they_are_wanted(
    stack: RunningStack,
) -> None:
    """Flower lives on them; a task has the id of its job."""
    wanted = {"worker-heartbeat", "task-received", "task-started", "task-succeeded"}
    listening = asyncio.create_task(
        asyncio.to_thread(_celery_events, stack.env["DOCFLEET_REDIS_URL"], wanted)
    )
    job_ids = set()
    while not listening.done():
        done = await asyncio.to_thread(stack.docfleet, "submit", "README.md", "--task", "summary")
        job_ids.update(re.findall(r"job_[0-9a-f]{24}", done.stdout))
    assert job_ids & {uuid for _, uuid in await listening}
    await stack.events(len(job_ids))


async def test_a_scorecard_is_one_result_and_one_event(stack: RunningStack, tmp_path: Path) -> None:
    """Each indicator with its points, the sum beside them."""
    call = tmp_path / "call.txt"
    call.write_text("Agent: Hello, this call is recorded.\nCaller: My kitchen is under water.\n")
    words = ("submit", str(call), "--task", "call-quality", "--wait")
    done = await asyncio.to_thread(stack.docfleet, *words)
    assert done.returncode == 0, done.stderr
    (event,) = await stack.events(1)
    result = stack.results()[event["data"]["id"]]
    card = result["scorecards"]["call-quality"]
    assert card["indicators"].keys() == result["tasks"].keys()
    for name, indicator in card["indicators"].items():
        assert indicator["percent"] == 10 * result["tasks"][name]["data"]["score"]
        assert "/score" not in result["tasks"][name]["evidence"]
    assert card["aggregate"]["scored"] == len(card["indicators"])
    assert f"call-quality: {card['aggregate']['percent']:.1f} %" in done.stdout
    assert stack.receiver.arrivals.empty()


async def test_the_status_says_that_a_pool_stands_still(stack: RunningStack) -> None:
    """Within a lease: both workers are stopped, and not dead."""
    assert stack.docfleet("status").returncode == 0
    workers = [row["pid"] for row in stack.parts("infer")]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(5):
            stack.docfleet("submit", "README.md", "--task", "summary")
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                done = await asyncio.to_thread(stack.docfleet, "status", "--json")
                told = json.loads(done.stdout)
                (pool,) = (one for one in told["pools"] if one["name"] == "cpu")
                if not pool["workers"] and pool["queued"] + pool["running"] == 5:
                    break
        assert (done.returncode, told["healthy"]) == (1, False)
        assert "pool cpu has no live worker, and 5 records wait for one" in told["problems"]
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    await stack.events(5)
    assert "\nhealthy\n" in stack.docfleet("status").stdout


async def test_health_says_when_redis_cannot_be_reached_and_when_it_can_again(
    stack: RunningStack,
) -> None:
    """Redis stands still for longer than a lease."""
    listed = json.loads((stack.state_dir / "metrics.json").read_text())
    addresses = {one["labels"]["part"]: one["targets"][0] for one in listed}
    (row,) = stack.parts("redis")
    async with aiohttp.ClientSession() as session:

        async def until(part: str, status: int, words: str) -> None:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    async with session.get(f"http://{addresses[part]}/healthz") as answer:
                        said = (await answer.json())["status"]
                        if answer.status == status and said.startswith(words):
                            return
                    await asyncio.sleep(0.2)

        workers = ("prepare-deliver", "infer-1")
        for part in (*workers, "watch"):
            await until(part, 200, "ok")
        os.kill(row["pid"], signal.SIGSTOP)
        try:
            for part in workers:
                await until(part, 503, "no heartbeat has reached Redis for ")
            await until("watch", 503, "drops in incoming have to wait: ")
        finally:
            os.kill(row["pid"], signal.SIGCONT)
        for part in (*workers, "watch"):
            await until(part, 200, "ok")
