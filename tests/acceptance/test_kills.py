"""Parts killed with -9 under load: nothing is lost, nothing ends twice.

test_chaos.py kills infer workers, Redis and the object store.

The scripted engine makes volume cheap; everything around it is real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from demo.drop import s3_client
from tests.acceptance.running_stack import RunningStack, running_stack

JOBS = 120
OPTIONS = ("--engine", "scripted", "--infer-workers", "2", "--concurrency", "8")

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningStack]:
    """Two infer workers with the scripted engine."""
    state_dir = tmp_path_factory.mktemp("state")
    variables = {
        "DOCFLEET_SCRIPTED__SECONDS_PER_TOKEN": "0.02",
        "DOCFLEET_CALLBACKS__SCHEDULE_SECONDS": "[1, 1, 1, 1, 1]",
    }
    async with running_stack(state_dir, OPTIONS, variables) as stack:
        yield stack


def _drop(stack: RunningStack, mark: str) -> None:
    client = s3_client(stack.env)
    for number in range(JOBS):
        client.put_object(
            Bucket=stack.env["DOCFLEET_INCOMING_BUCKET"],
            Key=f"fnol/{mark}/claim {number}+%.txt",
            Body=f"Claim {mark}-{number}\nHail broke two skylights on 3 May 2026.".encode(),
        )


async def test_the_scripted_engine_says_everywhere_that_it_is_not_the_real_one(
    stack: RunningStack,
) -> None:
    """In `ps`, in the log and in the results."""
    assert "SCRIPTED ENGINE" in stack.docfleet("ps").stdout
    assert "SCRIPTED ENGINE" in (stack.state_dir / "logs" / "infer-1.log").read_text()
    done = stack.docfleet("submit", "README.md", "--task", "summary", "--wait")
    assert done.returncode == 0
    (event,) = await stack.events(1)
    assert stack.results()[event["data"]["id"]]["engine"]["kind"] == "scripted"


@pytest.mark.parametrize("role", ["prepare", "watch", "api"])
async def test_killing_a_part_under_load_costs_nothing(stack: RunningStack, role: str) -> None:
    """Each job has one result and one event, and the part comes back."""
    before = stack.results().keys()
    dropping = asyncio.create_task(asyncio.to_thread(_drop, stack, f"killed-{role}"))
    first = await stack.events(JOBS // 10)
    restarts = stack.kill(role)
    await dropping
    events = first + await stack.events(JOBS - len(first))
    assert {event["type"] for event in events} == {"job.succeeded"}
    assert len({event["data"]["id"] for event in events}) == JOBS
    assert stack.results().keys() - before == {event["data"]["id"] for event in events}
    await stack.ready(role, restarts=restarts + 1)
    assert stack.receiver.arrivals.empty()
    assert stack.receiver.refused == 0
