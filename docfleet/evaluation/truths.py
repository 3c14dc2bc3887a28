"""Folders of documents and truths: which truth belongs to which document.

A truth is a JSON file of the document's name: `claim-7.json` for `claim-7.pdf`. It holds the data
that the task should give: an object, or a list of rows for a task of kind `list`. A file may also
hold the truth of several tasks, as `{"tasks": {TASK: data}}`, and `places`: by task, the pages
on which each value stands, by JSON pointer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docfleet.errors import BadUsageError
from docfleet.evaluation.scored import Truth
from schemas.task import DOCUMENTS, ROWS, Task, TaskKind

_ROW_LISTS = {TaskKind.LIST: ROWS, TaskKind.PACKET: DOCUMENTS}


@dataclass(frozen=True, slots=True)
class Case:
    """A document and its truth.

    Attributes:
        path: Of the document.
        truth: For the task.
    """

    path: Path
    truth: Truth


def find_cases(documents: Path, truths: Path, task: Task) -> list[Case]:
    """Pair the documents of a folder with their truths; others are left out.

    Args:
        documents: A folder.
        truths: A folder; it may be the same.
        task: Truths of other tasks alone do not count.

    Raises:
        BadUsageError: A folder is missing, a truth cannot be read, or there is no pair.
    """
    for folder in (documents, truths):
        if not folder.is_dir():
            raise BadUsageError(f"{folder} is no folder")
    files = [path for path in sorted(documents.iterdir()) if path.is_file()]
    cases = [
        Case(path, truth)
        for path in files
        if path.suffix != ".json" or documents != truths
        for truth in [_truth(path, truths, task)]
        if truth is not None
    ]
    if not cases:
        raise BadUsageError(
            f"no document in {documents} has a truth for {task.name} in {truths}:"
            " the truth of claim-7.pdf is claim-7.json"
        )
    return cases


def _truth(document: Path, truths: Path, task: Task) -> Truth | None:
    for name in (f"{document.name}.json", f"{document.stem}.json"):
        path = truths / name
        if path.is_file():
            try:
                return parse_truth(json.loads(path.read_text(encoding="utf-8")), task)
            except (OSError, ValueError) as error:
                raise BadUsageError(f"{path} is no truth: {error}") from error
    return None


def parse_truth(content: Any, task: Task) -> Truth | None:
    """Return what a file says of a task, or None where it tells of other tasks alone.

    Raises:
        ValueError: It is no truth.
    """
    places: Mapping[str, Any] = {}
    if isinstance(content, Mapping) and isinstance(content.get("tasks"), Mapping):
        if task.name not in content["tasks"]:
            return None
        places = content.get("places", {}).get(task.name, {})
        content = content["tasks"][task.name]
    rows = _ROW_LISTS.get(task.kind)
    if isinstance(content, list) and rows:
        content = {rows: content}
    if not isinstance(content, Mapping) or (rows and not isinstance(content.get(rows), list)):
        form = f"an object with a list `{rows}`, or a list" if rows else "an object"
        raise ValueError(f"a truth of {task.name} is {form}")
    return Truth(content, {pointer: tuple(pages) for pointer, pages in places.items()})
