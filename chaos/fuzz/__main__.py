"""`python -m chaos.fuzz`: damage files of every format, and have prepare read each.

The same seed makes the same files. What counts: processes that died without a document's fault,
readers that hung, processes and open files that were left, and how memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.fuzz.mutation import mutated
from chaos.fuzz.specimens import specimens
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from tests.fixtures.processes import open_files, readers_of, zygotes_of
from workers.errors import StageError
from workers.prepare.document import read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox

_LIMITS = LimitSettings(
    document_bytes=16 * 2**20,
    sandbox_memory_bytes=2**29,
    sandbox_cpu_seconds=10,
    sandbox_wall_seconds=60,
)
_OCR = OcrSettings(page_cpu_seconds=10, page_wall_seconds=30)
_AT_ONCE = 2
_SETTLED = 0.2
"""Share of the files after which memory is measured first."""


@dataclass(slots=True)
class Findings:
    """Findings of a run."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)
    """Files that a reader failed on for a reason of its own, and why."""
    hangs: int = 0
    slowest: float = 0


@dataclass(frozen=True, slots=True)
class State:
    """State of the worker's processes between two files."""

    zygotes: frozenset[int]
    readers: int
    files: int
    """Open in the worker and its zygotes."""
    temporary: int
    memory_bytes: int


def files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged files, the formats in turn."""
    good = specimens()
    others = list(good.values())
    dice = random.Random(seed)
    for number in range(count):
        name = list(good)[number % len(good)]
        yield name, mutated(good[name], others, dice)


async def fuzz(count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Have prepare read so many damaged files; return the figures."""
    sandbox, ocr, findings = Sandbox(), Ocr(_OCR), Findings()
    await sandbox.start()
    await ocr.start()
    made = files(count, seed)
    try:
        first = round(count * _SETTLED)
        await _all(made, first, sandbox, ocr, findings)
        before = _state(folder)
        await _all(made, count - first, sandbox, ocr, findings)
        after = _state(folder)
    finally:
        sandbox.stop()
        ocr.stop()
    return _figures(count, seed, findings, before, after)


async def _all(
    made: Iterator[tuple[str, bytes]], count: int, sandbox: Sandbox, ocr: Ocr, findings: Findings
) -> None:
    waiting = iter([next(made) for _ in range(count)])

    async def some() -> None:
        for name, data in waiting:
            await _one(name, data, sandbox, ocr, findings)

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


async def _one(name: str, data: bytes, sandbox: Sandbox, ocr: Ocr, findings: Findings) -> None:
    began = time.monotonic()
    outcome = "read"
    try:
        await read_document(data, _LIMITS, sandbox, ocr)
    except StageError as error:
        outcome = str(error.failure.code)
        if outcome.startswith("worker."):
            findings.defects.append(f"{name}: {error.failure.message}")
        findings.hangs += _is_hang(error)
    findings.outcomes.setdefault(name, Counter())[outcome] += 1
    findings.slowest = max(findings.slowest, time.monotonic() - began)


def _is_hang(error: StageError) -> bool:
    """Tell whether a reader stood still: one that works meets the limit of its CPU time first."""
    message = error.failure.message
    return error.failure.code == "document.exhausting" and message.endswith(" s allowed.")


def _state(folder: Path) -> State:
    worker = os.getpid()
    zygotes = zygotes_of(worker)
    processes = [worker, *zygotes]
    return State(
        zygotes=frozenset(zygotes),
        readers=len(readers_of(worker)),
        files=sum(len(open_files(process)) for process in processes),
        temporary=len(list(folder.iterdir())),
        memory_bytes=sum(map(_memory, processes)),
    )


def _memory(process: int) -> int:
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * mmap.PAGESIZE


def _figures(
    count: int, seed: int, findings: Findings, before: State, after: State
) -> dict[str, Any]:
    return {
        "files": count,
        "seed": seed,
        "zygotes that died": len(before.zygotes - after.zygotes),
        "readers that failed by themselves": len(findings.defects),
        "hangs": findings.hangs,
        "processes left": after.readers,
        "open files, more than before": after.files - before.files,
        "temporary files left": after.temporary,
        "memory before, MiB": before.memory_bytes / 2**20,
        "memory after, MiB": after.memory_bytes / 2**20,
        "slowest file, s": findings.slowest,
        "defects": findings.defects[:20],
        "outcomes": {name: dict(found) for name, found in findings.outcomes.items()},
    }


def _is_good(figures: dict[str, Any]) -> bool:
    nothing = ("zygotes that died", "readers that failed by themselves", "hangs", "processes left")
    return not any(figures[name] for name in (*nothing, "temporary files left"))


def _print(figures: dict[str, Any]) -> None:
    outcomes: dict[str, dict[str, int]] = figures["outcomes"]
    codes = sorted({code for found in outcomes.values() for code in found})
    table = Table("format", *codes, title="What became of them")
    for name, found in outcomes.items():
        table.add_row(name, *(str(found.get(code, 0)) for code in codes))
    facts = Table("what", "figure", title="Mutated files through prepare")
    for name, value in figures.items():
        if name != "outcomes":
            facts.add_row(name, f"{value:.1f}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(facts)
    console.print(table)


def main() -> int:
    """Run, and print what was found; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m chaos.fuzz")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docfleet-fuzz-") as folder:
        tempfile.tempdir = folder
        figures = asyncio.run(fuzz(options.files, options.seed, Path(folder)))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _print(figures)
    return 0 if _is_good(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
