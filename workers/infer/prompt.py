"""The prompt of a task on a document. Pure text.

The document comes first and the instructions last, so that all tasks on one document share its
part of the prefix cache.
"""

from __future__ import annotations

from workers.engine.protocol import Message

_SYSTEM = "You read business documents and answer with JSON."


def build_messages(document: str, instructions: str) -> list[Message]:
    """Return the chat of one task.

    Args:
        document: The text of all pages.
        instructions: Instructions from the task's file.
    """
    return [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": f"{document.strip()}\n\n{instructions.strip()}"},
    ]
