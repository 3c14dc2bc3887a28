"""The process that reads one document and ends.

The zygote forks it. It confines itself, reads the document from descriptor 0, and writes one JSON
object to descriptor 1: `media_type` and `pages`, or `code` and `message` of a failure.
Asked for certain pages, it reads those alone, by OCR.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from workers.prepare.formats.format import (
    Format,
    Page,
    UnreadableError,
    UnsupportedContentError,
)
from workers.prepare.lockdown.confinement import Confinement
from workers.prepare.lockdown.resources import Allowance
from workers.prepare.ocr.recognizer import Recognizer
from workers.prepare.walk import Found, Walk

_DOCUMENT, _ANSWER, _ERRORS = 0, 1, 2
_CHUNK = 2**20


class Child:
    """Fields that all readers share.

    Args:
        confinement: What they are put under.
        formats: What they can read.
        recognizer: Reads images of pages; None if this zygote's readers do not.
    """

    def __init__(
        self,
        confinement: Confinement,
        formats: Mapping[str | None, Format],
        recognizer: Recognizer | None,
    ) -> None:
        self._confinement = confinement
        self._formats = formats
        self._recognizer = recognizer
        self._nowhere = os.open(os.devnull, os.O_WRONLY)
        self._highest_descriptor = os.sysconf("SC_OPEN_MAX")

    def run(self, asked: Mapping[str, Any], *, document: int, answer: int, place: int) -> NoReturn:
        """Read the document and end; never returns to the zygote's own work.

        Args:
            asked: `memory`, `cpu`, `pages` and `text`: bytes, seconds, pages and bytes; `wanted`:
                numbers of the pages to read by OCR, none to read all without it.
            document: Descriptor to read it from.
            answer: Descriptor to write to.
            place: Which of the readers at work this is, from 0.
        """
        status = 1
        try:
            _become_standard(document, answer, self._nowhere)
            self._confinement.shed(place)
            os.closerange(_ERRORS + 1, self._highest_descriptor)
            _write(json.dumps(self._answer(asked), ensure_ascii=False))
            status = 0
        except OSError as error:
            # Before the lock-down that is the kernel's word; after it nobody may be listening.
            status = error.errno or status
        finally:
            os._exit(status)  # The kernel frees the rest faster.

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        memory = asked["memory"]
        try:
            return self._read(asked)
        except UnreadableError as error:
            return {"code": error.code, "message": str(error)}
        except UnsupportedContentError as error:
            return {"code": "document.unsupported", "message": self._unsupported(error.content)}
        except RecursionError:
            return {
                "code": "document.corrupt",
                "message": "The document's parts are nested too deeply.",
            }
        except MemoryError:
            return {
                "code": "document.exhausting",
                "message": f"Reading the document took more than the {memory:,} bytes of memory"
                " allowed.",
            }
        except Exception as error:  # noqa: BLE001  # a reader's defect is told, not lost
            return {"code": "worker.error", "message": f"The reader failed: {_where(error)}."}

    def _read(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        data = _document()
        walk = Walk(self._formats, asked["pages"])
        known = walk.format_of(data)
        # What lies in another document is read with what that one may take.
        self._confinement.seal(
            Allowance(asked["memory"] + known.room_bytes, asked["cpu"], known.threads)
        )
        wanted = asked["wanted"]
        pages: list[dict[str, Any]] = []
        size = 0
        for number, found in enumerate(walk.pages(data, known), start=1):
            if wanted and number not in wanted:
                continue
            page = self._recognized(found) if wanted else _told(found)
            size += len(page["text"].encode(errors="replace"))
            if size > asked["text"]:
                raise UnreadableError("document.too_large", _too_much(len(pages) + 1, size, asked))
            pages.append(page)
            if wanted and number >= max(wanted):
                break
        return {"media_type": known.media_type, "pages": pages}

    def _recognized(self, found: Found) -> dict[str, Any]:
        """Read an image of the page; its own text that is not in the image follows."""
        page = found.page
        if self._recognizer is None or page.draw is None:
            return _told(found)
        recognition = self._recognizer.recognize(page.draw())
        if not recognition.is_sure:
            return {**_told(found), "drawable": False}
        text = "\n".join(filter(None, (recognition.text, *_missing(page, recognition.text))))
        words = recognition.words
        return {**_told(found), "text": text, "source": "ocr", "words": words, "drawable": False}

    def _unsupported(self, content: str) -> str:
        names = [known.name for known in self._formats.values()]
        read = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        return f"The document is {content}; docfleet reads {read}."


def _become_standard(document: int, answer: int, errors: int) -> None:
    """Put the descriptors where a program's standard files are.

    Those of the zygote are all above: it has standard files itself.
    """
    os.dup2(document, _DOCUMENT)
    os.dup2(answer, _ANSWER)
    os.dup2(errors, _ERRORS)


def _document() -> bytes:
    chunks = []
    while chunk := os.read(_DOCUMENT, _CHUNK):
        chunks.append(chunk)
    return b"".join(chunks)


def _write(text: str) -> None:
    rest = memoryview(text.encode(errors="replace"))
    while rest:
        rest = rest[os.write(_ANSWER, rest) :]


def _told(found: Found) -> dict[str, Any]:
    """Return a page as the worker takes it in, see `answer.ReadPage`."""
    page = found.page
    return {
        "text": page.text,
        "source": page.source,
        "part": page.part,
        "drawable": page.draw is not None,
        "code": found.code,
        "reason": found.reason,
    }


def _missing(page: Page, recognized: str) -> list[str]:
    """Return the lines of a page's own text that its image does not show."""
    seen = "".join(recognized.split())
    return [line for line in page.text.splitlines() if "".join(line.split()) not in seen]


def _too_much(pages: int, size: int, asked: Mapping[str, Any]) -> str:
    return (
        f"The text of the document's first {pages:,} pages has {size:,} bytes;"
        f" the limit is {asked['text']:,}."
    )


def _where(error: Exception) -> str:
    """Name an error by its kind and place: its words may be the document's."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = trace and f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__} at {place}"
