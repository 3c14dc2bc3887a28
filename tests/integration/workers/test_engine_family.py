"""The processes of an engine end with the process that owns it, however that ends."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from workers.engine.vllm.parent_death import die_with_parent

REPOSITORY = Path(__file__).parents[3]

OWNER = """
import asyncio, sys
from pathlib import Path
from settings.sections.pools import PoolSettings
from settings.logs import configure_logs
from workers.engine.protocol import EngineRequest
from workers.engine.vllm.engine import VllmEngine
from workers.runtime.event_loop import LoopThread

async def ask(engine):
    return await engine.generate(EngineRequest(
        request_id="one", messages=[{"role": "user", "content": "Hello"}], schema=None,
        max_tokens=5))

def main():
    configure_logs("owner")
    pool = PoolSettings(model="small", gpu="CPU", max_model_len=512, concurrency=1,
                        engine={"enforce_eager": True})
    engine = VllmEngine(Path(sys.argv[1]), "tests", pool)
    with LoopThread() as thread:
        thread.call(engine.start())
        print(thread.call(ask(engine)).usage.output_tokens, flush=True)
        if sys.stdin.readline():
            thread.call(engine.stop())
            print("stopped", flush=True)

if __name__ == "__main__":
    main()
"""


def _family(pid: int) -> dict[int, str]:
    """The living descendants of a process: their command lines by pid."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            found[int(child)] = _command(int(child))
            found.update(_family(int(child)))
    return found


def _command(pid: int) -> str:
    """The command line, or nothing where the process is no more."""
    try:
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return ""
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _wait_until_gone(family: dict[int, str]) -> None:
    """Each process is over, or its pid belongs to another one by now; pytest's timeout ends it."""
    while any(_command(pid) == command for pid, command in family.items()):
        time.sleep(0.05)


@pytest.fixture
def owner(model_dir: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that owns a real engine, which has answered once."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed")
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    with subprocess.Popen(
        [sys.executable, str(script), str(model_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    ) as process:
        yield process
        process.kill()


def test_vllm_finds_the_plugin() -> None:
    """The package is installed and its entry point is what vLLM will call."""
    plugins = entry_points(group="vllm.general_plugins", name="docfleet_engine_family")
    assert [plugin.load() for plugin in plugins] == [die_with_parent]


def test_the_main_process_is_left_alone() -> None:
    """The plugin runs in it too; a worker must not die with the shell that started it."""
    script = (
        "import ctypes\n"
        "from workers.engine.vllm.parent_death import die_with_parent; die_with_parent()\n"
        "signal = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(signal))\n"
        "print(signal.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "0"


def test_killing_the_owner_ends_the_whole_family(owner: subprocess.Popen[str]) -> None:
    """Kill -9 leaves no process behind: neither EngineCore nor any other."""
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "5"
    family = _family(owner.pid)
    commands = " ".join(family.values())
    assert "EngineCore" in commands
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    _wait_until_gone(family)


def test_an_engine_that_is_stopped_in_order_leaves_nothing_behind(
    owner: subprocess.Popen[str],
) -> None:
    """Neither a process, nor a traceback in the log, nor an owner that hangs."""
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "5"
    family = _family(owner.pid)
    out, log = owner.communicate("stop\n")
    assert out.strip() == "stopped"
    assert owner.returncode == 0
    assert "Traceback" not in log
    assert "Error" not in log
    _wait_until_gone(family)
