"""A claims system's view: documents into a bucket, results and signed webhooks out.

The real parts: Valkey, SeaweedFS, vLLM on the CPU, a boto3 client and a receiver that verifies
with OpenAI's SDK. One stack serves the whole module, since the engine takes a while to load.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from demo.drop import drop, s3_client
from demo.receiver import Receiver
from docfleet.scoped_stack import scoped_stack
from settings.tasks import load_tasks

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "demo" / "documents"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEN_PDFS = [path.relative_to(DOCUMENTS).as_posix() for path in sorted(DOCUMENTS.rglob("*.pdf"))]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


class Stack:
    """A running stack, its receiver and its command."""

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
            timeout=240,
            check=False,
            cwd=ROOT,
        )

    def parts(self, role: str) -> list[dict[str, Any]]:
        """The rows of `docfleet ps --json` that have this role."""
        rows = json.loads(self.docfleet("ps", "--json").stdout)
        return [row for row in rows if row["role"] == role]

    async def ready(self, role: str, *, restarts: int) -> None:
        """Wait until a part is ready after so many restarts."""
        async with asyncio.timeout(120):
            while True:
                (row,) = self.parts(role)
                if row["state"] == "ready" and row["restarts"] >= restarts:
                    return
                await asyncio.sleep(0.5)

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next so many events that arrive."""
        async with asyncio.timeout(180):
            return [await self.receiver.arrivals.get() for _ in range(count)]

    def results(self) -> dict[str, dict[str, Any]]:
        """All result objects, by job id."""
        client = s3_client(self.env)
        bucket = self.env["DOCFLEET_RESULTS_BUCKET"]
        listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        objects = [
            client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in listed
        ]
        results = [json.loads(data) for data in objects]
        assert sorted(entry["Key"] for entry in listed) == sorted(
            f"{result['job_id']}.json" for result in results
        )
        return {result["job_id"]: result for result in results}


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """A fresh state directory that shares the prepared model."""
    state = tmp_path_factory.mktemp("state")
    (state / "models").symlink_to(model_dir.parent)
    return state


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(state_dir: Path) -> AsyncIterator[Stack]:
    """A stack with the real engine."""
    async with Receiver(SECRET) as receiver:
        callback = {
            "DOCFLEET_CALLBACK_URL": receiver.url,
            "DOCFLEET_CALLBACK_SECRET": SECRET,
        }
        async with scoped_stack(state_dir, variables=callback, say=print) as env:
            yield Stack(env, receiver, state_dir)


def _engine_processes() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"VLLM::" in name:
                yield int(entry.name)


async def test_ten_pdfs_become_ten_valid_results_and_ten_verified_events(stack: Stack) -> None:
    """A boto3 client drops; nothing of ours is asked for anything."""
    pdfs = [TEN_PDFS[n % len(TEN_PDFS)] for n in range(10)]
    names = dict.fromkeys(pdfs)
    dropped = drop(stack.env, DOCUMENTS, names, "first")
    dropped |= drop(stack.env, DOCUMENTS, pdfs[: 10 - len(names)], "second")
    events = await stack.events(10)
    assert {event["type"] for event in events} == {"job.succeeded"}
    tasks = load_tasks(ROOT / "tasks")
    results = stack.results()
    assert {result["document"]["uri"] for result in results.values()} == set(dropped)
    for event in events:
        result = results[event["data"]["id"]]
        for name, task in result["tasks"].items():
            Draft202012Validator(tasks[name].output_schema).validate(task["data"])
        assert result["engine"]["kind"] == "vllm"
        assert result["usage"]["output_tokens"] > 0
    assert stack.receiver.refused == 0


@pytest.mark.parametrize("role", ["infer", "redis", "s3", "prepare"])
async def test_a_killed_part_costs_nothing(stack: Stack, role: str) -> None:
    """Kill -9 with jobs in flight: each ends once, and no engine is left behind."""
    before = stack.results().keys()
    engines = set(_engine_processes())
    (row,) = stack.parts(role)
    drop(stack.env, DOCUMENTS, TEN_PDFS[:6], f"killed-{role}")
    first = await stack.events(1)
    os.kill(row["pid"], signal.SIGKILL)
    events = first + await stack.events(5)
    assert {event["type"] for event in events} == {"job.succeeded"}
    assert len(stack.results().keys() - before) == 6
    await stack.ready(role, restarts=row["restarts"] + 1)
    left = set(_engine_processes())
    assert len(left) == len(engines)
    assert role != "infer" or not left & engines
    assert stack.receiver.arrivals.empty()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xd8\xff\xe0" + b"\0" * 64, "document.unsupported"),
        (b"%PDF-1.7\nnoise", "document.corrupt"),
        (b"   \n", "document.no_text"),
    ],
)
async def test_a_hopeless_document_is_a_dead_letter_that_says_what_to_do(
    stack: Stack, tmp_path: Path, content: bytes, code: str
) -> None:
    """`submit --wait` ends with exit code 1 and one line with the code and the remedy."""
    path = tmp_path / "claim.pdf"
    path.write_bytes(content)
    done = stack.docfleet("submit", str(path), "--task", "fnol", "--wait")
    assert done.returncode == 1
    assert code in done.stdout + done.stderr
    (event,) = await stack.events(1)
    assert event["type"] == "job.failed"
    assert event["data"]["failure"]["code"] == code
    assert event["data"]["failure"]["remedy"] in done.stdout + done.stderr


async def test_bad_submits_are_refused_at_once_with_exit_codes_that_differ(
    stack: Stack, tmp_path: Path
) -> None:
    """A missing file, an empty file and an unknown task make no job."""
    empty = tmp_path / "empty.pdf"
    empty.touch()
    missing = stack.docfleet("submit", str(tmp_path / "no.pdf"), "--task", "fnol")
    nothing = stack.docfleet("submit", str(empty), "--task", "fnol")
    unknown = stack.docfleet("submit", str(DOCUMENTS / TEN_PDFS[0]), "--task", "no-such")
    assert (missing.returncode, nothing.returncode, unknown.returncode) == (4, 4, 2)
    for done in (missing, nothing, unknown):
        assert len(done.stderr.strip().splitlines()) == 1
    assert "fnol" in unknown.stderr
