"""OCR, as the worker sees it: the unread pages of a document are read from their images.

It has a sandbox of its own, whose zygote holds the engine, and reads a few pages in each process:
limits are those of these pages, and a page that breaks its process takes no others along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import structlog

from schemas.document import PageSource
from schemas.failure import FAILURES, FailureClass, FailureCode
from settings.sections.limits import LimitSettings
from settings.sections.ocr import OcrSettings
from settings.sections.sandbox import SandboxLayer
from workers.errors import StageError
from workers.prepare.answer import Reading, ReadPage
from workers.prepare.formats import FORMATS
from workers.prepare.sandbox import Sandbox

log = structlog.get_logger(__name__)

_BATCH = 4
"""Most pages that one process reads; each opens the document anew."""


class Ocr:
    """Reads images of pages.

    Args:
        settings: What it may cost.
        require: Layers without which its sandbox does not start.
    """

    def __init__(self, settings: OcrSettings, require: Collection[SandboxLayer] = ()) -> None:
        self._settings = settings
        self._sandbox = Sandbox(require, FORMATS, settings.languages)

    async def start(self) -> None:
        """Start the sandbox.

        Raises:
            SettingsError: A required layer does not work here.
            SandboxStartError: It did not start: a language may not be installed.
        """
        await self._sandbox.start()

    def stop(self) -> None:
        """Kill all readers; idempotent."""
        self._sandbox.stop()

    async def complete(self, data: bytes, reading: Reading, limits: LimitSettings) -> Reading:
        """Read the pages that could not be read without it.

        Args:
            data: The document.
            reading: What was read of it.
            limits: Of reading it without OCR.

        Raises:
            StageError: A code of the worker; what is wrong with a page leaves it unread.
        """
        pages = list(reading.pages)
        wanted = [
            number
            for number, page in enumerate(pages, start=1)
            if page.source is PageSource.UNREAD and page.drawable
        ]
        for batch in _batches(wanted):
            for number, page in (await self._recognized(data, batch, limits)).items():
                pages[number - 1] = page
        return reading.model_copy(update={"pages": tuple(pages)})

    async def _recognized(
        self, data: bytes, wanted: Sequence[int], limits: LimitSettings
    ) -> dict[int, ReadPage]:
        """Return the pages that could be read, by number."""
        try:
            found = await self._sandbox.read(data, self._limits(limits, len(wanted)), wanted)
        except StageError as error:
            if not _is_of_the_document(error):
                raise
            if len(wanted) == 1:
                log.info("page_unread", page=wanted[0], failure=error.failure.code)
                return {}
            pages = [await self._recognized(data, [number], limits) for number in wanted]
            return {number: page for some in pages for number, page in some.items()}
        return dict(zip(wanted, found.pages, strict=False))

    def _limits(self, limits: LimitSettings, pages: int) -> LimitSettings:
        """Return the limits of a process that opens the document and reads so many pages."""
        own = self._settings
        cpu = limits.sandbox_cpu_seconds + pages * own.page_cpu_seconds
        wall = limits.sandbox_wall_seconds + pages * own.page_wall_seconds
        memory = limits.sandbox_memory_bytes + own.memory_bytes
        return limits.model_copy(
            update={
                "sandbox_cpu_seconds": cpu,
                "sandbox_wall_seconds": wall,
                "sandbox_memory_bytes": memory,
            }
        )


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))


def _is_of_the_document(error: StageError) -> bool:
    code = FailureCode(error.failure.code)
    return code.startswith("document.") and FAILURES[code].failure_class is FailureClass.PERMANENT
