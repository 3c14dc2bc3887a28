"""Measure the intake: submits over HTTP to one API process that has one core to itself.

The API runs pinned to one core; Redis and the clients have the others. Each round submits the same
number of documents by URI, each a job of its own, over connections that are kept. The API's memory
is read after each round: it must not grow with the number of jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from bench.table import print_table, write_json
from docfleet.stack.ports import LOOPBACK, Ports
from docfleet.stack.valkey import redis_url, valkey_part
from settings.announcements import READY_LINE, READY_VARIABLE
from settings.environment import part_environment

CONFIG = Path(__file__).parents[1] / "fleet.toml"
_KEY = "bench-" + secrets.token_hex(8)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def api_on_one_core(folder: Path) -> Iterator[tuple[str, int]]:
    """An API on core 0 with a Valkey on the other cores; gives its URL and its process id.

    Args:
        folder: For the Valkey's data and the logs.
    """
    ports = Ports(folder / "ports.json")
    redis_port, api_port = ports.choose("redis"), ports.choose("api")
    password = secrets.token_hex(8)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {min(cores)} or cores)  # what is started now inherits it
    redis = valkey_part(folder, port=redis_port, password=password)
    with (folder / "redis.log").open("wb") as log:
        valkey = subprocess.Popen(  # noqa: S603  # our own command line
            redis.argv, env=redis.environment, cwd=folder, stdout=log, stderr=log
        )
    reader, writer = os.pipe()
    environment = part_environment(
        {
            "DOCFLEET_REDIS_URL": redis_url(redis_port, password),
            "DOCFLEET_API_KEY": _KEY,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:9",
            READY_VARIABLE: str(writer),
        }
    )
    command = [sys.executable, "-m", "docfleet", "api", "--config", str(CONFIG)]
    with (folder / "api.log").open("wb") as log:
        api = subprocess.Popen(  # noqa: S603  # our own command line
            [*command, "--port", str(api_port), "--state-dir", str(folder)],
            env=environment, pass_fds=(writer,), stdout=log, stderr=log,
        )  # fmt: skip
    os.sched_setaffinity(api.pid, {min(cores)})
    os.close(writer)
    try:
        if os.read(reader, len(READY_LINE)) != READY_LINE:
            raise RuntimeError((folder / "api.log").read_text())
        yield f"http://{LOOPBACK}:{api_port}", api.pid
    finally:
        os.close(reader)
        for process in (api, valkey):
            process.terminate()
            process.wait()


async def submit_round(session: aiohttp.ClientSession, count: int, at_once: int) -> list[float]:
    """Submit jobs, several at once, and return the seconds that each took.

    Raises:
        RuntimeError: A submit was not accepted: the round does not count.
    """
    numbers = iter(range(count))
    seconds: list[float] = []

    async def client() -> None:
        for _ in numbers:
            body = {
                "document": {"uri": f"s3://claims/2025/{secrets.token_hex(8)}.pdf"},
                "tasks": ["fnol", "document-class"],
                "metadata": {"claim": "HM-1"},
            }
            started = monotonic()
            async with session.post("/v1/jobs", json=body) as answer:
                text = await answer.text()
                if answer.status != 202:  # noqa: PLR2004  # Accepted
                    raise RuntimeError(text)
            seconds.append(monotonic() - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())
    return seconds


async def measure(count: int, rounds: int, at_once: int) -> list[dict[str, Any]]:
    """Measure one row for each round, after a round that is not counted."""
    rows = []
    headers = {"Authorization": f"Bearer {_KEY}"}
    connector = aiohttp.TCPConnector(limit=at_once)
    with tempfile.TemporaryDirectory() as name, api_on_one_core(Path(name)) as (url, pid):
        async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
            await submit_round(session, count // 4, at_once)
            for number in range(1, rounds + 1):
                cpu, started = _cpu_seconds(pid), monotonic()
                seconds = await submit_round(session, count, at_once)
                elapsed, used = monotonic() - started, _cpu_seconds(pid) - cpu
                rows.append({"round": number, **_row(count, elapsed, used, seconds, pid)})
    return rows


def _row(
    count: int, elapsed: float, used: float, seconds: list[float], pid: int
) -> dict[str, float]:
    quantiles = statistics.quantiles(seconds, n=100)
    return {
        "submits/s": count / elapsed,
        "submits/CPU s": count / used,
        "core busy": used / elapsed,
        "median ms": quantiles[49] * 1000,
        "p99 ms": quantiles[98] * 1000,
        "API MiB": _resident_bytes(pid) / 2**20,
    }


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    """Measure, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.intake")
    parser.add_argument("--jobs", type=int, default=3000, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=16, help="connections")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    rows = asyncio.run(measure(arguments.jobs, arguments.rounds, arguments.at_once))
    print_table("Submits over HTTP, the API on one core", rows)
    rate = statistics.median(row["submits/s"] for row in rows)
    each = statistics.median(row["submits/CPU s"] for row in rows)
    grown = rows[-1]["API MiB"] - rows[0]["API MiB"]
    print(f"{rate:.0f} submits/s, {each:.0f} for each CPU second of the API (medians)")
    print(f"memory {grown:+.1f} MiB over {arguments.jobs * (len(rows) - 1)} jobs")
    write_json(arguments.json, {"rate": rate, "rate_by_cpu": each, "rounds": rows})


if __name__ == "__main__":
    main()
