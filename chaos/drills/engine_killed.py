"""`engine-killed`: vLLM's engine process is killed under real documents, then its worker."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

from chaos.drill import Drill, Scenario
from chaos.drills.recovery import held_jobs, kill_worker, until_told
from chaos.parts.fleet import ROOT, FleetPlan
from chaos.tally import patiently
from workers.engine_kind import EngineKind

_CONCURRENCY = 4
_ENOUGH_IN_FLIGHT = 3
_DOCUMENTS = ROOT / "demo" / "documents"
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 300


def _plan(_is_short: bool) -> FleetPlan:
    return FleetPlan(
        infer_workers=1,
        concurrency=_CONCURRENCY,
        engine=EngineKind.VLLM,
        variables={"DOCFLEET_RULES": '[{"tasks": ["document-class", "summary"]}]'},
    )


def engine_cores(drill: Drill) -> set[int]:
    """Return the engine processes that this fleet's workers have started."""
    sessions = {pid for part in drill.fleet.infer for pid in part.pids}
    return {pid for pid, session in _cores() if session in sessions}


def _cores() -> Iterator[tuple[int, int]]:
    """Yield each engine process's id and session."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and b"EngineCore" in (entry / "cmdline").read_bytes():
                yield int(entry.name), os.getsid(int(entry.name))


async def _until_busy(drill: Drill) -> None:
    """Wait until the worker holds several jobs."""
    part, since = drill.fleet.infer[0], monotonic()
    while len(await patiently(lambda: held_jobs(drill.fleet, part.pid))) < _ENOUGH_IN_FLIGHT:
        if monotonic() - since > _PATIENCE_SECONDS:
            raise TimeoutError("the worker never held several jobs")
        await asyncio.sleep(_LOOK_SECONDS)


async def _drop(drill: Drill, count: int) -> None:
    paths = sorted(path for path in _DOCUMENTS.rglob("*") if path.is_file())
    await drill.load.drop_files([paths[number % len(paths)] for number in range(count)])


async def _run(drill: Drill) -> None:
    documents, part = int(drill.size(16, 6)), drill.fleet.infer[0]
    await _drop(drill, documents)
    await _until_busy(drill)
    cores = await asyncio.to_thread(engine_cores, drill)
    drill.expect(f"{len(cores)} engine processes", holds=len(cores) == 1)
    for core in cores:
        os.kill(core, signal.SIGKILL)
    drill.injected()
    await until_told(drill)
    await _until_told_all(drill, documents)
    charged = [job for job, record in drill.records.items() if record.attempts > 1]
    drill.expect(f"{len(charged)} jobs were charged for the engine", holds=not charged)
    await _drop(drill, documents)
    await _until_busy(drill)
    await (await kill_worker(drill, part))
    await drill.finish()
    left = await asyncio.to_thread(engine_cores, drill)
    drill.expect(f"{len(left)} engine processes are left", holds=len(left) == 1)
    drill.expect("the killed engine is still there", holds=not left & cores)
    drill.row.notes["exit codes of the worker"] = part.exits


async def _until_told_all(drill: Drill, count: int) -> None:
    """Wait until all ends so far are reported, and read the records."""
    await drill.load.resolve_drops()
    since = monotonic()
    while drill.told < count and monotonic() - since < _PATIENCE_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
    await drill.look()


SCENARIO = Scenario(
    "engine-killed",
    "a killed vLLM engine costs no job and charges none; a killed worker leaves no engine behind",
    _plan,
    _run,
)
