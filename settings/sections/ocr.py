"""`[ocr]`: whether and how images of pages are read."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class OcrSettings(Section):
    """Recognition of text on pages that have none, and what it may cost."""

    enabled: bool = Field(
        default=True, description="Off, pages that show more than their text stay unread."
    )
    languages: tuple[str, ...] = Field(
        default=("eng",),
        min_length=1,
        description="Models of Tesseract that are installed; each further one takes time.",
    )
    memory_bytes: int = Field(
        default=2**30, ge=2**28, description="Of one process, which reads a few pages."
    )
    page_cpu_seconds: int = Field(default=30, ge=1)
    page_wall_seconds: float = Field(default=60, gt=0)
