"""`[openai]`: files, batches and chats."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class OpenAiSettings(Section):
    """Settings of the OpenAI-compatible routes."""

    chat_seconds: float = Field(
        default=300, gt=0, description="How long a chat completion waits for its job to end."
    )
    answer_seconds: float = Field(
        default=600, gt=0, description="How long the engine may take for one chat."
    )
    file_bytes: int = Field(default=200_000_000, ge=1, description="The most that a file may have.")
    file_seconds: float = Field(
        default=30 * 86_400, ge=3_600, description="How long a file is kept unless its owner says."
    )
    batch_lines: int = Field(default=50_000, ge=1, description="The most requests of a batch.")
    line_bytes: int = Field(default=4 * 2**20, ge=1, description="The most bytes of one request.")
    batch_concurrency: int = Field(
        default=16, ge=1, le=64, description="Batches that a worker has in hand at once."
    )
