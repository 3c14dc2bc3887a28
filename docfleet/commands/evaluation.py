"""The command that measures a task's accuracy: `eval`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docfleet.commands.arguments.option_group import grouped
from docfleet.commands.arguments.target import TargetStack
from docfleet.commands.errors import StillRunningError, explained
from docfleet.commands.texts.output import say
from docfleet.errors import BadUsageError

if TYPE_CHECKING:
    from docfleet.evaluation.report import Report

_SECONDS = 3600.0
_TARGET_ERROR = 0.02
_PIPE_WIDTH = 120


@grouped
@explained()
def evaluate(
    stack: TargetStack,
    task: Annotated[str, typer.Argument(help="The task to score.", metavar="TASK")],
    documents: Annotated[Path, typer.Option(help="A folder of documents.", metavar="DIR")],
    truth: Annotated[
        Path, typer.Option(help="A folder of truths: claim-7.json for claim-7.pdf.", metavar="DIR")
    ],
    *,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write all scores there.", metavar="PATH")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Compare with an earlier --json.", metavar="PATH")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Name the threshold that keeps --target-error.")
    ] = False,
    target_error: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of wrong values that may pass.")
    ] = _TARGET_ERROR,
    plot: Annotated[
        Path | None, typer.Option(help="Draw confidence against truth as PNG.", metavar="PATH")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="For each document.", metavar="SECONDS")
    ] = _SECONDS,
    seed: Annotated[int, typer.Option(help="Of the intervals and of the halves.")] = 0,
) -> None:
    """Score a task: send documents through the fleet, and hold the results against the truth.

    Exit codes: 0 scored. 2 bad usage or configuration, an unknown task, a missing folder or a truth
    that cannot be read. 3 no stack is running, or its Redis or object store does not answer. 4 a
    document cannot be read. 5 scored, but the time was up for some documents, and their jobs go on.
    """
    from docfleet.commands.actions.evaluation import EvalOrder, run_evaluation

    order = EvalOrder(
        task=task,
        documents=documents,
        truths=truth,
        timeout_seconds=timeout,
        seed=seed,
        target_error=target_error if calibrate else None,
    )
    before = _read(compare) if compare else None
    report = stack.call(lambda client: run_evaluation(client, order))
    if json_path:
        json_path.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _show(report, before)
    if plot:
        from docfleet.evaluation.plot import plot_reliability

        plot_reliability(report.reliability, task, plot)
    if waiting := report.states.get("running"):
        raise StillRunningError(f"{waiting} jobs had not ended after {timeout:g} s; they go on")


def _read(path: Path) -> Report:
    from pydantic import ValidationError

    from docfleet.evaluation.report import Report

    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadUsageError(f"{path} is no report of `docfleet eval --json`") from error


def _show(report: Report, before: Report | None) -> None:
    from rich.console import Console

    from docfleet.commands.texts import evaluation as texts
    from docfleet.evaluation.report import compare

    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    say(texts.state_line(report))
    console.print(texts.figures_table(report))
    console.print()
    console.print(texts.fields_table(report))
    if report.not_asked:
        say(f"The task does not ask for: {', '.join(report.not_asked)}")
    for line in texts.calibration_lines(report.calibration) if report.calibration else ():
        say(line)
    if before is not None:
        console.print()
        console.print(texts.comparison_table(compare(report, before)))


def add_commands(app: typer.Typer) -> None:
    """Add it to the command."""
    app.command("eval")(evaluate)
