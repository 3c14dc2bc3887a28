"""Training lines: reviews as `docfleet reviews export` writes them, and the corpus's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from corpus.document import LOSS_RUN, TEXT, make_document
from corpus.part import Part
from examples.finetune.encoding import Example, batches
from examples.finetune.lines import LineError, read_lines
from examples.finetune.questions import questions_of
from examples.finetune.write_lines import line_of
from settings.sections.tasks import load_tasks
from workers.infer.reading.budget import ContextBudget

TASKS = load_tasks(Path(__file__).parents[3] / "tasks")
BUDGET = ContextBudget(8192, lambda text: len(text) // 3)
TRUTH = {"insured_name": 'Zoë "Zo" Ray', "claim_number": None}


def _review(**changes: Any) -> dict[str, Any]:
    """A line as it is exported, with other fields of the export beside those that count."""
    return {
        "job_id": "job_1",
        "task": "fnol",
        "version": "1",
        "outcome": "corrected",
        "truth": TRUTH,
        "messages": [
            {"role": "system", "content": "You read."},
            {"role": "user", "content": "A notice.\n\nWhich values?"},
            {"role": "assistant", "content": json.dumps(TRUTH)},
        ],
        **changes,
    }


def _file(folder: Path, *lines: Mapping[str, Any]) -> Path:
    path = folder / "lines.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_review_is_a_training_line_as_it_is(tmp_path: Path) -> None:
    """The prompt stays, and the answer has the form to which the engine is held."""
    (line,) = read_lines([_file(tmp_path, _review())])
    assert [message["role"] for message in line.messages] == ["system", "user"]
    assert line.answer == '{"insured_name":"Zoë \\"Zo\\" Ray","claim_number":null}'


def test_a_review_whose_text_was_deleted_is_left_out(tmp_path: Path) -> None:
    """The export still tells of it, without messages."""
    gone = _review()
    del gone["messages"]
    assert len(read_lines([_file(tmp_path, gone, _review())])) == 1


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([_review(), _review(task="summary")], "of 2 tasks"),
        ([_review(), _review(version="2")], "of 2 tasks"),
        ([_review(messages=[])], "none has messages"),
        ([_review(), {"messages": [{"role": "user"}] * 2}], "lines.jsonl:2"),
        ([_review(messages=_review()["messages"][:2])], "not the assistant's"),
    ],
)
def test_lines_that_make_no_adapter_are_refused(
    tmp_path: Path, lines: list[dict[str, Any]], words: str
) -> None:
    """With the reason, and the place where there is one."""
    with pytest.raises(LineError, match=words):
        read_lines([_file(tmp_path, *lines)])


def test_a_line_of_the_corpus_asks_what_the_workers_ask(tmp_path: Path) -> None:
    """Its truth has the order of the schema, in which the engine writes."""
    task = TASKS["fnol"]
    document = make_document(Part.TRAIN, "fnol", 3, TEXT)
    text = document.file.data.decode()
    shuffled = dict(reversed(document.truth["tasks"]["fnol"].items()))
    (question,) = questions_of(task, shuffled, [text], BUDGET)
    (line,) = read_lines([_file(tmp_path, line_of(task, document, question))])
    assert list(line.truth) == list(task.output_schema["properties"])
    content = line.messages[-1]["content"]
    assert content == f"{text.strip()}\n\n{task.instructions.strip()}"
    assert line.part == Part.TRAIN


def test_each_row_of_a_loss_run_is_asked_for_in_one_window() -> None:
    """In document order, over as many windows as the workers read."""
    found = 0
    for number in range(12):
        document = make_document(Part.TRAIN, LOSS_RUN, number, TEXT)
        truth = document.truth["tasks"]["loss-run"]
        pages = document.file.data.decode().split("\f")
        questions = list(questions_of(TASKS["loss-run"], truth, pages, BUDGET))
        asked = [row for question in questions for row in question.truth["rows"]]
        assert asked in ([dict(row) for row in truth["rows"]], [])
        found += bool(asked)
    assert found > 8


def test_a_batch_after_an_interruption_is_the_one_that_would_have_come() -> None:
    """From the same seed; another seed has another order, and every example comes."""
    examples = [Example(range(length), 1) for length in range(5, 45)]
    whole = list(islice(batches(examples, 4, seed=1), 20))
    assert list(islice(batches(examples, 4, seed=1), 7, 20)) == whole[7:]
    assert whole != list(islice(batches(examples, 4, seed=2), 20))
    assert {len(one.tokens) for batch in whole[:10] for one in batch} == set(range(5, 45))
