"""Budgets: the tokens of a context that a document may use. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.task import Task
from workers.routing import CHAT_TOKENS

_TOKENS_OF_ROWS = 1.5
"""Tokens of the rows of a list, for each token of the text that they are read from: JSON repeats
the names of the columns."""


@dataclass(frozen=True, slots=True)
class ContextBudget:
    """The context of a pool's model, and how its tokens are counted.

    Attributes:
        context: Maximum tokens of prompt and answer together.
        count: Returns the tokens of a text, by the model's own tokenizer.
    """

    context: int
    count: Callable[[str], int]

    def document(self, task: Task, output: int | None = None) -> int:
        """Return the maximum tokens of a document in one question of a task.

        Args:
            task: The task.
            output: Tokens of the answer; the task's own limit by default.
        """
        output = task.limits.max_output_tokens if output is None else output
        return self.context - output - self.count(task.instructions) - CHAT_TOKENS

    def rows(self, task: Task) -> tuple[int, int]:
        """Return the tokens of a window of a list, and of the answer that gives its rows."""
        room = self.document(task, output=0)
        output = min(
            task.limits.max_output_tokens, int(room * _TOKENS_OF_ROWS / (1 + _TOKENS_OF_ROWS))
        )
        return min(room - output, int(output / _TOKENS_OF_ROWS)), output
