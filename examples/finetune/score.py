"""Score the answers of base and adapters on the same documents, as `docfleet eval` does.

python -m examples.finetune.score fnol answers/fnol.jsonl
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from docfleet.evaluation.report import Report, Subject, compare, make_report
from docfleet.evaluation.scored import ScoredDocument, Truth
from docfleet.evaluation.scoring import score_values
from schemas.result import TaskResult, TaskStatus
from schemas.task import Task
from settings.sections.tasks import load_tasks

_SEED = 20_260_101
_BASE = "base"
_FIGURES = ("precision", "recall", "f1", "accuracy", "complete_documents")


def scored(task: Task, told: dict[str, Any]) -> ScoredDocument:
    """Score one answer; an answer that is no JSON has no value."""
    try:
        data = json.loads(told["answer"], strict=False)
    except ValueError:
        data = None
    result = TaskResult(
        status=TaskStatus.SUCCEEDED, version=task.version, kind=task.kind, data=data
    )
    truth = Truth(told["truth"], {})
    values = score_values(result if data is not None else None, truth, task.output_schema)
    return ScoredDocument(name=told["name"], values=values)


def reports(task: Task, path: Path) -> dict[str, Report]:
    """Return a report for the base and for each adapter."""
    by_name: dict[str, list[ScoredDocument]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(text)
        by_name.setdefault(told["by"], []).append(scored(task, told))
    return {
        name: make_report(
            Subject(task=task.name, version=task.version, kind=task.kind, adapter=name),
            documents,
            seed=_SEED,
        )
        for name, documents in by_name.items()
    }


def main(arguments: argparse.Namespace) -> None:
    """Print a row for each figure of each report, and how adapters change the F1."""
    task = load_tasks(arguments.tasks_dir)[arguments.task]
    found = reports(task, arguments.answers)
    for name, report in found.items():
        print(f"{task.name}, {name}: {len(report.documents)} documents")
        for figure in _FIGURES:
            one = report.figures.get(figure)
            if one is not None and one.value is not None:
                print(f"  {figure:20} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})")
        for field, figures in report.fields.items():
            one = figures["f1"] if "f1" in figures else next(iter(figures.values()))
            print(f"    {field:24} {one.value if one.value is None else round(one.value, 3)}")
    base = found.pop(_BASE, None)
    if base is not None:
        for report in found.values():
            _print_change(report, base)


def _print_change(report: Report, base: Report) -> None:
    change = compare(report, base)["f1"].change
    if change.value is not None:
        told = f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
        print(f"f1, {report.subject.adapter} beside {base.subject.adapter}: {told}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m examples.finetune.score",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task")
    parser.add_argument("answers", type=Path)
    parser.add_argument("--tasks-dir", type=Path, default=Path("tasks"))
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
