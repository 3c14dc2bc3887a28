"""Values of a result as rows: what was found, where, how sure it is, what is odd. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docfleet.commands.html.escaping import shown
from docfleet.commands.html.highlights import Highlight
from schemas.json_schema.pointer import escaped
from schemas.result import Evidence, JobResult, Match, TaskResult

_MATCHES = {
    Match.EXACT: "as it stands",
    Match.NORMALIZED: "written otherwise",
    Match.FUZZY: "almost so",
    Match.UNGROUNDED: "stands nowhere",
}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a task's data.

    Attributes:
        anchor: Id of its row.
        task: Name of the task.
        pointer: JSON pointer into the task's data.
        data: The value; None where the document gives none.
        evidence: Its place, where it was looked for.
        confidence: From 0 to 1, where it is known.
        alternatives: Other values that pages give.
        reasons: Findings of the review rule about it.
    """

    anchor: str
    task: str
    pointer: str
    data: Any
    evidence: Evidence | None
    confidence: float | None
    alternatives: Sequence[Any]
    reasons: Sequence[str]

    @property
    def highlight(self) -> Highlight | None:
        """The stretch in which it stands."""
        place = self.evidence
        if place is None or place.page is None or place.start is None or place.end is None:
            return None
        title = f"{self.task} {self.pointer}: {_text(self.data)}"
        return Highlight(self.anchor, title, place.start, place.end, place.match)


def values_of(result: JobResult) -> list[Value]:
    """Return all values of a result, in the order of its data."""
    found: list[Value] = []
    for name, task in result.tasks.items():
        for pointer, data in _leaves(task.data):
            anchor = f"v{len(found)}"
            found.append(_value(anchor, name, task, pointer, data))
    return found


def _value(anchor: str, name: str, task: TaskResult, pointer: str, data: Any) -> Value:
    mark = f"{pointer}: "
    return Value(
        anchor=anchor,
        task=name,
        pointer=pointer,
        data=data,
        evidence=task.evidence.get(pointer),
        confidence=task.confidence.get(pointer),
        alternatives=task.alternatives.get(pointer, ()),
        reasons=[one.removeprefix(mark) for one in task.needs_review if one.startswith(mark)],
    )


def _leaves(data: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, f"{pointer}/{escaped(key)}")
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _leaves(value, f"{pointer}/{index}")
    else:
        yield pointer, data


def value_row(value: Value) -> str:
    """Return a value as a row of its task's table."""
    match = value.evidence.match.value if value.evidence else "none"
    notes = [*value.reasons, *(f"or {_text(other)}" for other in value.alternatives)]
    noted = "".join(f"<li>{shown(note)}</li>" for note in notes)
    return (
        f'<tr id="{value.anchor}" class="{match}"><th scope="row">{shown(value.pointer)}</th>'
        f'<td class="value" dir="auto">{_data(value.data)}</td><td>{_place(value)}</td>'
        f'<td class="number">{_confidence(value.confidence)}</td>'
        f"<td>{f'<ul>{noted}</ul>' if noted else ''}</td></tr>"
    )


def _data(data: Any) -> str:
    return "<i>not given</i>" if data in (None, "") else shown(_text(data))


def _text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def _place(value: Value) -> str:
    if value.data in (None, ""):
        return ""
    if value.evidence is None:
        return '<span class="chip none">the task&#x27;s own word</span>'
    match = value.evidence.match
    chip = f'<span class="chip {match.value}">{_MATCHES[match]}</span>'
    if value.evidence.page is None:
        return chip
    link = f'<a href="#at-{value.anchor}">page {value.evidence.page}</a>'
    return f"{link} {chip}"


def _confidence(confidence: float | None) -> str:
    if confidence is None:
        return ""
    return f'{confidence:.2f}<meter min="0" max="1" value="{confidence:.4f}"></meter>'
