"""Limits and confinement of the processes that read documents."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.failure import FailureCode
from settings.errors import SettingsError
from settings.sections.limits import LimitSettings
from settings.sections.sandbox import SandboxLayer
from tests.fixtures.documents.pdfs import (
    LIMITS,
    SMALL,
    bomb,
    printed,
    refusal,
)
from tests.fixtures.processes import (
    children_of,
    confined,
    limits_of,
    lives,
    open_files,
    proc,
    readers_of,
)
from tests.fixtures.waiting import until
from workers.errors import StageError
from workers.prepare.document import read_document
from workers.prepare.sandbox import Sandbox
from workers.prepare.zygote_link import Layers, SandboxStartError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def endless() -> bytes:
    """A PDF that keeps its reader busy for longer than any test here waits."""
    return bomb(b"(A) Tj ")


async def reading(data: bytes, sandbox: Sandbox) -> tuple[asyncio.Task[Any], int]:
    """A read in progress, and its reader's process id."""
    task = asyncio.create_task(read_document(data, LIMITS, sandbox))
    readers = await until(lambda: readers_of(os.getpid()))
    return task, readers[0]


@pytest.mark.parametrize("unit", [b"(A) Tj ", b"q Q "])
async def test_a_pdf_that_inflates_meets_the_memory_limit(unit: bytes, sandbox: Sandbox) -> None:
    """300 MB out of less than one are too much for 256 MiB."""
    data = bomb(unit)
    assert len(data) < 2**20
    error = await refusal(data, sandbox, SMALL)
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "268,435,456 bytes of memory" in error.failure.message
    assert readers_of(os.getpid()) == []


async def test_the_cpu_limit_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """The message names the limit that was met."""
    error = await refusal(endless, sandbox, LimitSettings(sandbox_cpu_seconds=1))
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "1 s of CPU" in error.failure.message


async def test_the_wall_limit_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """When the time is over the process is gone."""
    error = await refusal(endless, sandbox, LimitSettings(sandbox_wall_seconds=0.3))
    assert error.failure.code is FailureCode.DOCUMENT_EXHAUSTING
    assert "0.3 s" in error.failure.message
    assert readers_of(os.getpid()) == []


async def test_a_reader_killed_from_outside_is_not_the_documents_fault(
    endless: bytes, sandbox: Sandbox
) -> None:
    """The kernel may have wanted memory for others: the job is tried again."""
    task, reader = await reading(endless, sandbox)
    os.kill(reader, signal.SIGKILL)
    with pytest.raises(StageError) as caught:
        await task
    assert caught.value.failure.code is FailureCode.WORKER_KILLED
    assert caught.value.failure.transient


async def test_cancelling_the_caller_ends_the_reader(endless: bytes, sandbox: Sandbox) -> None:
    """When the cancelled call is over, so is the process."""
    task, reader = await reading(endless, sandbox)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lives(reader)


async def test_a_parent_killed_with_sigkill_takes_its_reader_along(
    endless: bytes, tmp_path: Path
) -> None:
    """The kernel ends the reader when nobody is left to do it."""
    document = tmp_path / "endless.pdf"
    document.write_bytes(endless)
    program = (
        "import asyncio, pathlib, sys; from settings.sections.limits import LimitSettings;"
        "from workers.prepare.sandbox import Sandbox;"
        "from workers.prepare.document import read_document;"
        "data = pathlib.Path(sys.argv[1]).read_bytes();"
        "asyncio.run(read_document(data, LimitSettings(), Sandbox()))"
    )
    with subprocess.Popen((sys.executable, "-c", program, document), cwd=ROOT) as parent:  # noqa: ASYNC220  # starting it blocks for a moment only; our own program
        try:
            reader = (await until(lambda: [*filter(confined, readers_of(parent.pid))]))[0]
            os.kill(reader, signal.SIGSTOP)  # It cannot end by itself now.
        finally:
            parent.kill()
    try:
        await until(lambda: not lives(reader))
    finally:
        if lives(reader):
            os.kill(reader, signal.SIGKILL)


async def test_a_reader_is_confined_and_knows_no_secrets(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel shows a reader's limits, session, privileges, environment and open files."""
    monkeypatch.setenv("DOCFLEET_API_KEY", "do-not-tell")
    sandbox = Sandbox()
    await sandbox.start()  # its trial of the layers would be taken for the reader
    task, reader = await reading(endless, sandbox)
    await until(lambda: confined(reader))
    limits = limits_of(reader)
    assert int(limits["Max address space"][0]) > LIMITS.sandbox_memory_bytes
    assert limits["Max cpu time"] == ["30", "30"]
    assert limits["Max file size"] == limits["Max core file size"] == ["0", "0"]
    assert os.getsid(reader) == reader
    assert b"NoNewPrivs:\t1" in proc(reader, "status")
    assert b"do-not-tell" not in proc(reader, "environ")
    assert b"CapEff:\t0000000000000000" in proc(reader, "status")
    assert open_files(reader) == {0, 1, 2}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sandbox.stop()


async def test_a_zygote_that_was_killed_is_replaced(endless: bytes) -> None:
    """Its readers go with it, which is no fault of their documents; the next one is read."""
    sandbox = Sandbox()
    await sandbox.start()
    task = asyncio.create_task(read_document(endless, LIMITS, sandbox))
    zygote = sandbox._zygote
    assert zygote is not None
    reader = (await until(lambda: children_of(zygote._process.pid)))[0]
    os.kill(zygote._process.pid, signal.SIGKILL)
    with pytest.raises(StageError) as caught:
        await task
    assert caught.value.failure.code is FailureCode.WORKER_KILLED
    await until(lambda: not lives(reader))
    assert (await read_document(b"Claim 4711", LIMITS, sandbox)).text == "Claim 4711"
    sandbox.stop()


async def test_a_format_that_leaves_a_thread_behind_is_not_served(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A fork would lose the thread, and keep the locks that it holds."""
    name = "tests.fixtures.documents.lingering_format"
    with pytest.raises(SandboxStartError):
        await Sandbox(formats=(name,)).start()
    assert f"{name} leaves a thread behind" in capfd.readouterr().err


async def test_a_layer_that_is_required_and_not_there_is_named() -> None:
    """The worker does not start, and says what is wrong."""
    sandbox = Sandbox(require=frozenset(SandboxLayer))
    layers = Layers({"network": "Operation not permitted"}, landlock=7)
    with pytest.raises(SettingsError, match=r"network \(Operation not permitted\).*docs/"):
        sandbox._check_layers(layers)


def test_a_prepare_worker_hides_its_environment_and_its_memory() -> None:
    """From all that run as the same user: its secrets came with the environment."""
    program = (
        "import ctypes, os; from settings.fleet import load_settings; from pathlib import Path\n"
        "from workers.assembly import run_worker; from workers.role import Role\n"
        "from workers.engine_kind import EngineKind\n"
        "settings = load_settings(Path('fleet.toml'))\n"
        "try: run_worker(settings, [Role.PREPARE], pool=None, engine=EngineKind.SCRIPTED)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        (sys.executable, "-c", program),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-2:] == ["SettingsError", "0"]


async def test_many_documents_are_read_at_once(sandbox: Sandbox) -> None:
    """Each has its own process, and the answers are not mixed up."""
    documents = [printed(f"Claim {number}") for number in range(8)]
    read = await asyncio.gather(*(read_document(data, LIMITS, sandbox) for data in documents))
    assert [pages.text for pages in read] == [f"Claim {number}" for number in range(8)]
    assert readers_of(os.getpid()) == []
