"""The trials of `make compose-verify`, in turn; they take half an hour."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic, sleep

from rich.console import Console

from infra.compose.verify import mistakes
from infra.compose.verify.errors import VerifyError
from infra.compose.verify.load import Load
from infra.compose.verify.mistakes import MISTAKES
from infra.compose.verify.report import (
    containers_table,
    images_table,
    mistakes_table,
    trials_table,
)
from infra.compose.verify.stack import ROOT, Stack
from infra.compose.verify.trials import KILLED, Trials, idle_memory, image_megabytes

OUT = ROOT / "infra/compose/out/verify.md"
_WELL_SECONDS = 900
_SETTLE_SECONDS = 20
_PARTS = ("kills", "moves", "mistakes")
_IMAGES = ("docfleet-producer:local", "docfleet-worker-cpu:local")


def main() -> int:
    """Run all trials; return the exit code."""
    arguments = _arguments()
    started = monotonic()
    console = Console(highlight=False, soft_wrap=True)

    def say(words: str) -> None:
        console.print(f"{monotonic() - started:6.0f} s  {words}", markup=False)

    stack = Stack(arguments.without, say)
    try:
        report, passed = _verify(stack, arguments)
    except VerifyError as error:
        console.print(f"verify: {error}", markup=False)
        return 1
    finally:
        if not arguments.keep:
            stack.down("--volumes")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(report, encoding="utf-8")
    console.print(f"\n{report}", markup=False)
    console.print(f"{'passed' if passed else 'FAILED'}; written to {OUT.relative_to(Path.cwd())}")
    return 0 if passed else 1


def _verify(stack: Stack, arguments: argparse.Namespace) -> tuple[str, bool]:
    stack.say("starting on empty volumes")
    stack.down("--volumes")
    seconds = dict(stack.start(_WELL_SECONDS))
    sleep(_SETTLE_SECONDS)
    memory = idle_memory(stack)
    trials = Trials(stack, Load(stack), arguments.documents)
    rows, findings = [trials.nothing()], []
    if "kills" in arguments.only:
        rows += [trials.kill(service) for service in KILLED if service not in stack.without]
        rows += [trials.kill_engine()]
    if "moves" in arguments.only:
        rows += [trials.down_and_up(), trials.scale(arguments.scale)]
    if "mistakes" in arguments.only:
        findings += [mistakes.make(stack, mistake) for mistake in MISTAKES]
        findings += [mistakes.take_port(stack), mistakes.ask_for_gpu(stack)]
    left_out = [f"Left out, for want of an image: {', '.join(sorted(stack.without))}."]
    report = [
        trials_table(rows),
        mistakes_table(findings),
        containers_table(memory, seconds),
        images_table({image: image_megabytes(image) for image in _IMAGES}),
        *(left_out if stack.without else []),
    ]
    passed = all(row.passed for row in rows) and all(found.passed for found in findings)
    return "\n\n".join(report) + "\n", passed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.compose.verify", description=__doc__)
    parser.add_argument("--documents", type=int, default=8, help="dropped in each trial")
    parser.add_argument("--scale", type=int, default=3, help="infer workers in the last trial")
    parser.add_argument("--without", action="append", default=[], help="a service to leave out")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="these parts")
    parser.add_argument("--keep", action="store_true", help="leave the stack running")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
