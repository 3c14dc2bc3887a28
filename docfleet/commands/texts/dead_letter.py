"""Text of dead letters on a terminal. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from docfleet.commands.texts.age import age_text
from docfleet.commands.texts.job import attempt_text, failure_text, sentence
from schemas.dead_letter import DeadLetter, DeadLetterKind
from schemas.failure import FAILURES, FailureClass, FailureCode
from schemas.job import Attempt
from schemas.kept import KeptTasks
from schemas.result import TaskResult
from schemas.states import Stage
from settings.printable import printable

COMMAND = "docfleet dead-letters"
HEADINGS = ("ID", "KIND", "CODE", "TASKS", "TENANT", "AGE", "ATTEMPTS", "REDRIVES", "MESSAGE")

_ROW = "{:<13}{}"
_MESSAGE_LENGTH = 76
_RAW_LENGTH = 400
_STAGES = {Stage.PREPARE: "bytes to page text", Stage.INFER: "page text to results"}
_CLASSES = {
    FailureClass.PERMANENT: "permanent: the same again fails the same way",
    FailureClass.TRANSIENT: "transient: trying again may help",
}
_POOL_MATTERS = frozenset(
    {FailureCode.ENGINE_OUT_OF_MEMORY, FailureCode.ENGINE_CRASHED, FailureCode.DOCUMENT_TOO_LONG}
)


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """Options of a view that come from outside the dead letter.

    Attributes:
        now: The present time.
        pools: Names of the fleet's pools.
        options: Options that a command needs to reach the same fleet.
        raw: True to show raw answers in full.
    """

    now: datetime
    pools: Sequence[str] = ()
    options: Sequence[str] = ()
    raw: bool = False


def letter_cells(letter: DeadLetter, now: datetime) -> tuple[str, ...]:
    """Return one row of the list, a text for each of HEADINGS."""
    return (
        letter.id,
        letter.kind,
        letter.failure.code,
        ", ".join(letter.tasks) or "-",
        letter.tenant,
        age_text(now - letter.dead_since),
        str(letter.attempts),
        str(letter.redrives),
        " ".join(printable(letter.failure.message).split()),
    )


def letter_card(letter: DeadLetter, now: datetime) -> Iterator[str]:
    """Return the row for a narrow terminal, on three lines."""
    record_id, kind, code, tasks, tenant, age, attempts, redrives, message = letter_cells(
        letter, now
    )
    yield f"{record_id}  {code}  {age}"
    yield f"  {kind}  {tasks}  {tenant}  attempts {attempts}  redrives {redrives}"
    yield f"  {shortened(message, _MESSAGE_LENGTH)}"


def shortened(text: str, length: int) -> str:
    """Return the text, cut to a number of characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def counted(codes: Mapping[str, int]) -> str:
    """Return the counts by code as text, the most frequent first."""
    most = sorted(codes.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {code}" for code, count in most)


def dead_letters(count: int) -> str:
    """Return a count of dead letters as words."""
    return f"{count:,} dead letter{'' if count == 1 else 's'}"


def summary(codes: Counter[str]) -> str:
    """Return one line about all dead letters."""
    if not codes:
        return "no dead letters"
    return f"{dead_letters(codes.total())}: {counted(codes)}"


def letter_lines(
    letter: DeadLetter, kept: KeptTasks | str | None, around: ViewOptions
) -> Iterator[str]:
    """Return all facts of a dead letter, for a reader who knows nothing else.

    Args:
        letter: The letter.
        kept: Results of its tasks, or the reason why they cannot be read; None when none were kept.
        around: Options of the view.
    """
    parts = (
        _what(letter, around.now),
        _why(letter),
        _attempts(letter.history),
        _tasks(letter, kept, raw=around.raw),
        _ways_on(letter, around),
    )
    for number, part in enumerate(map(list, parts)):
        if number and part:
            yield ""
        yield from map(printable, part)


def _what(letter: DeadLetter, now: datetime) -> Iterator[str]:
    yield f"{letter.id}  is a dead letter: it will not be tried again by itself"
    if letter.kind is DeadLetterKind.DELIVERY:
        yield _ROW.format("what", f"a delivery: {letter.url} was not told of the end of a job")
        yield _ROW.format("job", letter.job_id)
    else:
        stage = f"{letter.stage} ({_STAGES[letter.stage]})" if letter.stage else "-"
        yield _ROW.format("what", f"a job, at stage {stage}, in queue {letter.queue}")
        yield _ROW.format("tasks", ", ".join(letter.tasks))
    if letter.document:
        yield _ROW.format("document", letter.document.name or letter.document.uri)
        if letter.document.name:
            yield _ROW.format("", letter.document.uri)
    yield _ROW.format("tenant", letter.tenant)
    yield _ROW.format("submitted", _moment(letter.created_at))
    yield _ROW.format(
        "died", f"{_moment(letter.dead_since)}, {age_text(now - letter.dead_since)} ago"
    )
    yield _ROW.format("redrives", letter.redrives or "none yet")


def _why(letter: DeadLetter) -> Iterator[str]:
    failure = letter.failure
    info = FAILURES[failure.code]
    yield _ROW.format("code", f"{failure.code} ({_CLASSES[info.failure_class]})")
    yield _ROW.format("meaning", info.meaning)
    if failure.task:
        yield _ROW.format("task", failure.task)
    yield from _block("message", failure.message)
    yield from _block("remedy", failure.remedy)


def _block(label: str, text: str) -> Iterator[str]:
    """Return a text of any number of lines, with its label."""
    for number, line in enumerate(text.splitlines() or [""]):
        yield _ROW.format("" if number else label, line).rstrip()


def _attempts(history: Sequence[Attempt]) -> Iterator[str]:
    if not history:
        yield _ROW.format("attempts", "none is remembered")
        return
    charged = sum(attempt.charged for attempt in history)
    yield _ROW.format(
        "attempts",
        f"{len(history)} remembered, the oldest first; {charged} charged, that is, counted against"
        " the limit",
    )
    for number, attempt in enumerate(history, 1):
        yield f"  {number:>2}. {_attempt(attempt)}"
        if attempt.engine:
            engine = attempt.engine
            model = f"model {engine.model} (sha256 {engine.model_sha256[:12]})"
            yield f"      engine {engine.kind} {engine.version}, {model}"
        yield f"      {attempt_text(attempt)}"


def _attempt(attempt: Attempt) -> str:
    stage = f"stage {attempt.stage}" if attempt.stage else "delivery"
    took = "" if attempt.seconds is None else f", {attempt.seconds:.1f} s"
    charged = "charged" if attempt.charged else "not charged"
    return f"{_moment(attempt.at)}  {stage}, worker {attempt.worker}{took}, {charged}"


def _tasks(letter: DeadLetter, kept: KeptTasks | str | None, *, raw: bool) -> Iterator[str]:
    if letter.kind is DeadLetterKind.DELIVERY or letter.kept_uri is None:
        return
    yield _ROW.format("kept", f"what each task came to: {letter.kept_uri}")
    if isinstance(kept, str):
        yield f"  it cannot be read now: {sentence(kept)}"
    elif kept is None:
        yield "  it was deleted from the bucket"
    else:
        yield from chain.from_iterable(
            _task(name, result, raw=raw) for name, result in kept.tasks.items()
        )


def _task(name: str, result: TaskResult, *, raw: bool) -> Iterator[str]:
    yield f"  {name} (version {result.version}): {result.status}"
    if result.failure:
        yield f"      {failure_text(result.failure)}"
    if result.raw_output is None:
        return
    whole = result.raw_output
    shown = whole if raw else whole[:_RAW_LENGTH]
    yield f"      its raw answer, {len(whole):,} characters:"
    for line in shown.splitlines():
        yield f"      | {line}"
    if len(shown) < len(whole):
        yield f"      the first {_RAW_LENGTH} are shown; --raw shows all"


def _ways_on(letter: DeadLetter, around: ViewOptions) -> Iterator[str]:
    def command(*words: str) -> str:
        return f"  {COMMAND} {shlex.join([*words, *around.options])}"

    again = " (its document is read again, at the same URI)" * (letter.stage is Stage.PREPARE)
    yield f"To redrive it, once the remedy is applied{again}:"
    yield command("redrive", letter.id)
    if letter.failure.code in _POOL_MATTERS:
        for pool in around.pools:
            if letter.queue != f"infer.{pool}":
                yield f"To redrive it to the pool {pool}:"
                yield command("redrive", letter.id, "--pool", pool)
    yield "To redrive all dead letters of the same code:"
    yield command("redrive", "--all", "--code", letter.failure.code)
    yield "To drop it, where nobody needs it any more:"
    yield command("drop", letter.id)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
