"""A claims system's view: documents into a bucket, results and signed webhooks out.

The real parts: Valkey, SeaweedFS, vLLM on the CPU, a boto3 client and a receiver that verifies
with OpenAI's SDK. One stack serves the whole module, since the engine takes a while to load.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from demo.drop import drop
from settings.sections.tasks import load_tasks
from tests.acceptance.running_stack import ROOT, RunningStack, running_stack

DOCUMENTS = ROOT / "demo" / "documents"
PDFS = [path.relative_to(DOCUMENTS).as_posix() for path in sorted(DOCUMENTS.rglob("*.pdf"))]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh state directory."""
    return tmp_path_factory.mktemp("state")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(state_dir: Path) -> AsyncIterator[RunningStack]:
    """A stack with the real engine."""
    async with running_stack(state_dir) as stack:
        yield stack


def _engine_processes(stack: RunningStack) -> Iterator[int]:
    """Return the processes that write to the stack's logs, under any parent."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if (
                entry.name.isdigit()
                and b"VLLM::" in (entry / "cmdline").read_bytes()
                and (entry / "fd" / "2").readlink().is_relative_to(stack.state_dir)
            ):
                yield int(entry.name)


async def test_ten_pdfs_become_ten_valid_results_and_ten_verified_events(
    stack: RunningStack,
) -> None:
    """A boto3 client drops; nothing of ours is asked for anything."""
    dropped = drop(stack.env, DOCUMENTS, PDFS, "first")
    dropped |= drop(stack.env, DOCUMENTS, PDFS[: 10 - len(PDFS)], "second")
    events = await stack.events(10)
    assert {event["type"] for event in events} == {"job.succeeded"}
    tasks = load_tasks(ROOT / "tasks")
    results = {event["data"]["id"]: stack.results()[event["data"]["id"]] for event in events}
    assert {result["document"]["uri"] for result in results.values()} == set(dropped)
    for result in results.values():
        for name, task in result["tasks"].items():
            Draft202012Validator(tasks[name].output_schema).validate(task["data"])
        assert result["engine"]["kind"] == "vllm"
        assert result["usage"]["output_tokens"] > 0
    assert stack.receiver.refused == 0


async def test_a_killed_infer_worker_leaves_no_engine_behind_and_its_jobs_end_once(
    stack: RunningStack,
) -> None:
    """Kill -9 with jobs in flight: a fresh worker with one fresh engine finishes them."""
    before = stack.results().keys()
    old_engines = set(_engine_processes(stack))
    assert old_engines
    drop(stack.env, DOCUMENTS, PDFS[:6], "killed")
    first = await stack.events(1)
    restarts = stack.kill("infer")
    events = first + await stack.events(5)
    assert {event["type"] for event in events} == {"job.succeeded"}
    assert len(stack.results().keys() - before) == 6
    await stack.ready("infer", restarts=restarts + 1)
    engines = set(_engine_processes(stack))
    assert not engines & old_engines
    assert len(engines) == len(old_engines)
    assert stack.receiver.arrivals.empty()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GIF89a" + b"\0" * 64, "document.unsupported"),
        (b"%PDF-1.7\nnoise", "document.corrupt"),
        (b"   \n", "document.no_text"),
    ],
    ids=["jpeg", "noise", "blank"],
)
async def test_a_hopeless_document_is_a_dead_letter_that_says_what_to_do(
    stack: RunningStack, tmp_path: Path, content: bytes, code: str
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
    stack: RunningStack, tmp_path: Path
) -> None:
    """A missing file, an empty file and an unknown task make no job."""
    empty = tmp_path / "empty.pdf"
    empty.touch()
    missing = stack.docfleet("submit", str(tmp_path / "no.pdf"), "--task", "fnol")
    nothing = stack.docfleet("submit", str(empty), "--task", "fnol")
    unknown = stack.docfleet("submit", str(DOCUMENTS / PDFS[0]), "--task", "no-such")
    assert (missing.returncode, nothing.returncode, unknown.returncode) == (4, 4, 2)
    for done in (missing, nothing, unknown):
        assert len(done.stderr.strip().splitlines()) == 1
    assert "fnol" in unknown.stderr
