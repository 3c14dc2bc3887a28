"""Training lines: what the engine is asked and the right answer, one task of one document each.

`docfleet reviews export` writes such lines from reviews, and write_lines.py from the corpus.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ASSISTANT = "assistant"


class LineError(ValueError):
    """A file of lines that nothing can be trained on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        name: Name of the document, for messages.
        task: Name and version of the task.
        part: Part of the corpus; None for a review.
        messages: The chat, without the answer.
        truth: The right data.
    """

    name: str
    task: str
    part: str | None
    messages: Sequence[Mapping[str, str]]
    truth: Any

    @property
    def answer(self) -> str:
        """Return the right answer in the form to which the engine is held: compact JSON."""
        return json.dumps(self.truth, ensure_ascii=False, separators=(",", ":"))


def read_lines(paths: Iterable[Path]) -> list[Line]:
    """Read the lines of all files that have messages.

    A review has no messages once its page text was deleted or its task has another version.

    Args:
        paths: JSON lines; a name that ends in `.gz` is compressed.

    Raises:
        LineError: A file cannot be read, or the lines are of several tasks or of none.
    """
    found = [line for path in paths for line in _of_file(path)]
    tasks = sorted({line.task for line in found})
    if len(tasks) != 1:
        raise LineError(
            f"the lines are of {len(tasks)} tasks ({', '.join(tasks) or 'none has messages'}):"
            " train one adapter for one version of one task"
        )
    return found


def _of_file(path: Path) -> Iterator[Line]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                if line := _line(text, f"{path}:{number}"):
                    yield line
    except OSError as error:
        raise LineError(f"{path} cannot be read: {error}") from error


def _line(text: str, place: str) -> Line | None:
    try:
        content = json.loads(text)
        *messages, answer = content.get("messages") or [{}]
        if not messages:
            return None
        if answer["role"] != _ASSISTANT:
            raise LineError(f"{place}: the last of its messages is not the assistant's")
        return Line(
            name=content.get("name") or content["job_id"],
            task=f"{content['task']}@{content['version']}",
            part=content.get("part"),
            messages=messages,
            truth=content["truth"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, LineError):
            raise
        raise LineError(f"{place} is no line of `docfleet reviews export`: {error!r}") from error
