"""A running stack as a test sees it: its command, its parts, its receiver, its results."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demo.drop import s3_client
from demo.receiver import Receiver
from docfleet.stack.temporary import scoped_stack

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_PATIENCE_SECONDS = 180


@asynccontextmanager
async def running_stack(
    state_dir: Path,
    options: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[RunningStack]:
    """Run a stack for the length of a block, with a receiver that is told of each job.

    Args:
        state_dir: Its state directory.
        options: Options of `docfleet up`.
        variables: Environment variables, beside those that name the receiver.
    """
    async with Receiver(SECRET) as receiver:
        callback = {"DOCFLEET_CALLBACK_URL": receiver.url, "DOCFLEET_CALLBACK_SECRET": SECRET}
        stack = scoped_stack(state_dir, options=options, variables=callback | variables, say=print)
        async with stack as env:
            yield RunningStack(env, receiver, state_dir)


class RunningStack:
    """A stack that `docfleet up` runs, and a receiver of its events.

    Args:
        env: The variables of `docfleet env`.
        receiver: The default callback of its jobs.
        state_dir: State directory of the stack.
    """

    def __init__(self, env: Mapping[str, str], receiver: Receiver, state_dir: Path) -> None:
        self.env = env
        self.receiver = receiver
        self.state_dir = state_dir

    def docfleet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a user does."""
        return subprocess.run(
            [sys.executable, "-m", "docfleet", *words, "--state-dir", str(self.state_dir)],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
            cwd=ROOT,
        )

    def parts(self, role: str) -> list[dict[str, Any]]:
        """The rows of `docfleet ps --json` that have this role."""
        rows = json.loads(self.docfleet("ps", "--json").stdout)
        return [row for row in rows if row["role"] == role]

    def pid(self, role: str) -> int:
        """The process of the first part of this role."""
        return int(self.parts(role)[0]["pid"])

    def kill(self, role: str) -> int:
        """Kill -9 the first part of this role; gives how often it had been restarted."""
        row = self.parts(role)[0]
        os.kill(row["pid"], signal.SIGKILL)
        return int(row["restarts"])

    async def ready(self, role: str, *, restarts: int) -> None:
        """Wait until the first part of this role is ready after a number of restarts."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                row = self.parts(role)[0]
                if row["state"] == "ready" and row["restarts"] >= restarts:
                    return
                await asyncio.sleep(0.5)

    async def events(self, count: int) -> list[dict[str, Any]]:
        """Return a number of the next events, none of them twice."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return [await self.receiver.arrivals.get() for _ in range(count)]

    def results(self) -> dict[str, dict[str, Any]]:
        """All result objects, by job id; the bucket holds nothing else."""
        client = s3_client(self.env)
        bucket = self.env["DOCFLEET_RESULTS_BUCKET"]
        results = {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                body = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                result = json.loads(body)
                assert entry["Key"] == f"{result['job_id']}.json"
                results[result["job_id"]] = result
        return results
