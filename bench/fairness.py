"""Measure the cost of one tenant's backlog to another tenant's single job.

A scripted engine sets the pace, everything around it is real. First single jobs of one tenant go
through an idle fleet; then another tenant queues its backlog, and the same single jobs go through
beside it. The ratio is the median latency beside the backlog over the median latency in idleness.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from bench.table import print_table, write_json
from docfleet.stack.temporary import scoped_stack
from producer.client import Client, connect
from schemas.job import JobRequest
from schemas.states import JobState
from settings.environment import apply_environment
from settings.fleet import load_settings

CONFIG = Path(__file__).parents[1] / "fleet.toml"
OPTIONS = ("--engine", "scripted", "--infer-workers", "1", "--concurrency", "16")
PACE_SECONDS = "0.02"
_AT_ONCE = 64


@asynccontextmanager
async def running_client() -> AsyncIterator[Client]:
    """A client of a stack that runs for the length of a block."""
    variables = {
        "DOCFLEET_SCRIPTED__SECONDS_PER_TOKEN": PACE_SECONDS,
        "DOCFLEET_PREPARE_CONCURRENCY": "16",
    }
    with tempfile.TemporaryDirectory() as state:
        stack = scoped_stack(Path(state), options=OPTIONS, variables=variables, say=print)
        async with stack as env:
            apply_environment(env)
            async with connect(load_settings(CONFIG)) as client:
                yield client


async def latencies(client: Client, request: JobRequest, count: int) -> list[float]:
    """Seconds from submit to the end of single jobs, one after the other."""
    seconds = []
    for _ in range(count):
        started = monotonic()
        job_id = await client.submitter.submit(request, tenant="single")
        while not (job := await client.job(job_id)).state.closed:
            await asyncio.sleep(0.02)
        if job.state is not JobState.SUCCEEDED:
            raise RuntimeError(f"{job_id} ended {job.state}, so this run counts for nothing")
        seconds.append(monotonic() - started)
    return seconds


async def queue_backlog(client: Client, request: JobRequest, count: int) -> None:
    """Submit a number of jobs of the other tenant."""
    numbers = iter(range(count))

    async def submit() -> None:
        for _ in numbers:
            await client.submitter.submit(request, tenant="backlog")

    await asyncio.gather(*(submit() for _ in range(_AT_ONCE)))


async def measure(backlog: int, singles: int) -> dict[str, float]:
    """The figures of one run."""
    async with running_client() as client:
        text = "Claim HM-1: hail broke two skylights on 3 May 2026."
        uri = await client.submitter.upload(text.encode(), ".txt")
        request = JobRequest.model_validate({"document": {"uri": uri}, "tasks": ["summary"]})
        await latencies(client, request, 2)  # everything is warm after that
        idle = await latencies(client, request, singles)
        await queue_backlog(client, request, backlog)
        beside = await latencies(client, request, singles)
        waiting = sum(queue.in_line for queue in (await client.depth()).queues)
    if waiting == 0:
        raise RuntimeError("the backlog was over before the single jobs were: make it larger")
    return {
        "backlog": backlog,
        "idle median s": statistics.median(idle),
        "beside median s": statistics.median(beside),
        "beside worst s": max(beside),
        "ratio": statistics.median(beside) / statistics.median(idle),
    }


def main() -> None:
    """Measure, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.fairness")
    parser.add_argument("--backlog", type=int, default=20_000, help="jobs of the other tenant")
    parser.add_argument("--singles", type=int, default=10, help="jobs that are timed")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.backlog, arguments.singles))
    print_table("A single job beside another tenant's backlog", [figures])
    write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
