"""Measure the accuracy of the shipped tasks on the corpus, with the real engine.

A local stack is started, documents are made from the seed, and `docfleet eval` scores each task.
The scores are for the model, the prompts and the seed that they name, and for no other.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from corpus.__main__ import documents, write
from corpus.document import KINDS, PACKET, PDF, SEED, TEXT
from corpus.part import Part
from docfleet.commands.errors import StillRunningError
from docfleet.stack.temporary import scoped_stack

_KINDS: Mapping[str, Sequence[str]] = {
    "fnol": ["fnol"],
    "document-class": [kind for kind in KINDS if kind != PACKET],
    "loss-run": ["loss_run"],
    "medical-bill": ["medical_bill"],
    "policy-declarations": ["policy"],
    "call-score": ["call_transcript"],
}
"""Kinds of documents that a task is scored on."""


def make_corpus(task: str, arguments: argparse.Namespace) -> Path:
    """Write the documents of a task; return the folder of documents and truth."""
    folder = Path(arguments.out / f"{arguments.part}-{task}")
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("documents", "truth"):
        (folder / name).mkdir(parents=True)
    made = documents(arguments.part, _KINDS[task], (TEXT, PDF), arguments.count, arguments.seed)
    for document in made:
        write(document, folder / "documents", folder / "truth")
    return folder


def evaluate(
    task: str, documents_dir: Path, truth_dir: Path, base: Path, arguments: argparse.Namespace
) -> None:
    """Score a task, and leave table, scores and plot beside each other."""
    state = arguments.state_dir or arguments.out / "state"
    command = [
        sys.executable, "-m", "docfleet", "eval", task, "--state-dir", str(state), "--calibrate",
        "--documents", str(documents_dir), "--truth", str(truth_dir),
        "--json", f"{base}.json", "--plot", f"{base}.png", "--timeout", str(arguments.timeout),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own
    if done.returncode not in {0, StillRunningError.exit_code}:
        sys.exit(done.returncode)
    Path(f"{base}.txt").write_text(done.stdout, encoding="utf-8")
    print(f"\n== {base.name}\n{done.stdout}", flush=True)


async def main(arguments: argparse.Namespace) -> None:
    """Run all tasks on one stack."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    state = arguments.state_dir or arguments.out / "state"
    async with scoped_stack(state, say=Console().print):
        for task in arguments.tasks:
            folder = make_corpus(task, arguments)
            places = folder / "documents", folder / "truth"
            await asyncio.to_thread(evaluate, task, *places, folder, arguments)
        for task, documents_dir, truth_dir in arguments.also or []:
            base = arguments.out / f"also-{task}"
            places = Path(documents_dir), Path(truth_dir)
            await asyncio.to_thread(evaluate, task, *places, base, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.accuracy")
    parser.add_argument("--part", type=Part, choices=list(Part), default=Part.TEST)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=30, help="documents of each task")
    parser.add_argument("--tasks", nargs="*", choices=list(_KINDS), default=list(_KINDS))
    parser.add_argument(
        "--also", nargs=3, action="append", metavar=("TASK", "DOCUMENTS", "TRUTH"),
        help="score a task on documents of yours, too",
    )  # fmt: skip
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for a document")
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    parser.add_argument("--state-dir", type=Path, help="of the local stack; OUT/state by default")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_arguments()))
