"""docfleet beside what a team would otherwise build: Celery as it comes, and `vllm serve`.

The same documents, prompts, schemas, model and engine settings; the same Redis and object store;
as many requests at once. The two sides take turns, and each round gives a ratio: documents/s of
docfleet over documents/s of the plain way. Both begin with the text in the bucket, and end with
the answers in it. The plain way has no ledger, no validation, no evidence, no callbacks and no
dead letters, and loses what it holds when it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from celery import group

from bench.overhead import CONFIG, fleet_of
from bench.plain_worker import TASK, app
from bench.rounds import run_rounds
from bench.workload import Work, workload
from docfleet.stack.ports import LOOPBACK, Ports
from docfleet.stack.temporary import scoped_stack
from schemas.task import Task
from settings.environment import part_environment
from settings.fleet import FleetSettings, load_settings
from settings.sections.pools import PoolSettings
from settings.sections.tasks import load_tasks
from workers.engine.vllm.arguments import VllmBuild, engine_arguments
from workers.engine.vllm.processor import read_flags
from workers.infer.prompt import build_messages
from workers.models.base_model import locate_model

MODEL = "plain"
_START_SECONDS = 300
_ROUND_SECONDS = 900


@asynccontextmanager
async def process(*command: str, env: Mapping[str, str], log: Path) -> AsyncIterator[Process]:
    """A process for the length of a block."""
    with log.open("wb") as output:
        running = await asyncio.create_subprocess_exec(
            *command, env=part_environment(env), stdout=output, stderr=output
        )
        try:
            yield running
        finally:
            if running.returncode is None:
                running.terminate()
            await running.wait()


async def until_served(url: str, server: Process) -> None:
    """Wait for `vllm serve`."""
    async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
        while server.returncode is None:
            try:
                async with session.get(f"{url}/models") as answer:
                    if answer.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise RuntimeError(f"vllm serve ended with {server.returncode}: see its log")


def server_command(model_dir: Path, pool: PoolSettings, port: int) -> list[str]:
    """`vllm serve` with the settings that docfleet gives the pool's engine."""
    names = {*pool.engine, "model", "max_model_len"}
    build = VllmBuild(
        argument_names=names, lora_ranks=(), on_cpu=True, processor_flags=read_flags()
    )
    arguments = engine_arguments(model_dir, "cpu", pool, [], build)
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--host", LOOPBACK, "--port", f"{port}", "--served-model-name", MODEL]
    for name, value in arguments.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            command.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words = json.dumps(value) if isinstance(value, dict) else str(value)
            command += [f"--{flag}", words]
    return command


def request_of(task: Task) -> dict[str, Any]:
    """Return the body of a chat completion, with the question behind a document."""
    schema = {"name": task.name, "schema": task.output_schema}
    return {
        "model": MODEL,
        "messages": build_messages("", task.instructions),
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_tokens": task.limits.max_output_tokens,
        "temperature": 0,
    }


class Plain:
    """The plain way's side, running.

    Args:
        broker: Redis, a database of its own.
        bucket: Bucket of the texts.
    """

    def __init__(self, broker: str, bucket: str) -> None:
        app.conf.update(broker_url=broker, result_backend=broker)
        self._bucket = bucket

    async def run(self, works: Sequence[Work]) -> float:
        """Send all, wait until all are done; gives the seconds."""
        return await asyncio.to_thread(self._run, works)

    def _run(self, works: Sequence[Work]) -> float:
        started = monotonic()
        sent = group(app.signature(TASK, self._arguments(work)) for work in works).apply_async()
        answers = sent.get(timeout=_ROUND_SECONDS, interval=0.02)
        seconds = monotonic() - started
        if answers != [len(work.tasks) for work in works]:
            raise RuntimeError("not every task was answered, so this round counts for nothing")
        return seconds

    def _arguments(self, work: Work) -> tuple[str, str, list[dict[str, Any]]]:
        requests = [request_of(task) for task in work.tasks]
        return self._bucket, f"documents/{work.page_text.sha256}.txt", requests


@asynccontextmanager
async def plain_of(
    env: Mapping[str, str], settings: FleetSettings, model_dir: Path, logs: Path
) -> AsyncIterator[Plain]:
    """The plain way, on the Redis and the object store of a running stack."""
    pool = settings.pools["cpu"]
    broker = env["DOCFLEET_REDIS_URL"].rpartition("/")[0] + "/1"
    port = Ports(logs / "plain-ports.json").choose("vllm")
    url = f"http://{LOOPBACK}:{port}/v1"
    variables = {
        **env,
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": broker,
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "none",
    }
    async with AsyncExitStack() as stack:
        command = server_command(model_dir, pool, port)
        server = await stack.enter_async_context(
            process(*command, env=variables, log=logs / "vllm.log")
        )
        await stack.enter_async_context(
            process(
                sys.executable, "-m", "celery", "-A", "bench.plain_worker", "worker",
                "--pool", "threads", "--concurrency", f"{pool.slots}", "--loglevel", "WARNING",
                env=variables, log=logs / "celery.log",
            )
        )  # fmt: skip
        await until_served(url, server)
        yield Plain(broker, settings.work_bucket)


async def measure(documents: int, rounds: int) -> list[dict[str, float]]:
    """Measure one row for each round, after a round that is not counted."""
    settings = load_settings(CONFIG)
    tasks = load_tasks(settings.tasks_dir)
    pool = settings.pools["cpu"]
    model_dir = locate_model(settings.models[pool.model].source)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        async with (
            scoped_stack(state, say=print) as env,
            fleet_of(settings, env) as fleet,
            plain_of(env, settings, model_dir, state) as plain,
        ):
            for number in range(rounds + 1):
                works = workload(settings, tasks, documents, f"{number}")
                await fleet.prepare(works)
                plain_first = number % 2 == 0
                by_plain = await plain.run(works) if plain_first else 0.0
                by_fleet = await fleet.run(works)
                by_plain = by_plain or await plain.run(works)
                if number:
                    rows.append(
                        {
                            "round": number,
                            "docfleet documents/s": documents / by_fleet,
                            "plain documents/s": documents / by_plain,
                            "ratio": by_plain / by_fleet,
                        }
                    )
    return rows


def main() -> None:
    """Measure and tell."""
    run_rounds(
        measure,
        prog="python -m bench.plain",
        title="docfleet beside stock Celery and vllm serve",
        description=__doc__,
        work="documents",
        count=24,
    )


if __name__ == "__main__":
    main()
