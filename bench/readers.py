"""Documents read by a sandbox of their own, and the CPU that takes."""

from __future__ import annotations

import resource
from collections.abc import Sequence

from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from workers.prepare.document import read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox


async def read_all(
    documents: Sequence[bytes], ocr: OcrSettings | None
) -> tuple[list[list[str]], float]:
    """Start a sandbox, read the documents one after another, and stop it.

    Args:
        documents: Their bytes.
        ocr: How to read pages without text; None leaves them unread.

    Returns:
        The pages of each document, and the CPU seconds of all its processes.
    """
    before = _children()
    sandbox, reader = Sandbox(), None if ocr is None else Ocr(ocr)
    try:
        await sandbox.start()
        if reader is not None:
            await reader.start()
        read = [await read_document(data, LimitSettings(), sandbox, reader) for data in documents]
    finally:
        sandbox.stop()
        if reader is not None:
            reader.stop()
    return [[page.text for page in found.pages] for found in read], _children() - before


def _children() -> float:
    """Return the CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
