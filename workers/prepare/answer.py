"""A reader's answer, which is not believed: hostile code may have written it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.document import PageSource, WordBox
from schemas.failure import FailureCode
from workers.errors import StageError

_MESSAGE_CHARACTERS = 500
_PART_CHARACTERS = 2_000
_OWN = FailureCode.WORKER_ERROR


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReadPage(_Part):
    """Text and words of one page."""

    text: str
    source: PageSource = PageSource.TEXT
    part: Annotated[str, Field(max_length=_PART_CHARACTERS)] | None = None
    words: tuple[WordBox, ...] = ()
    drawable: bool = False
    """Whether OCR can be tried."""
    code: str = ""
    """Failure code of an attachment that could not be read."""
    reason: str = ""


class Reading(_Part):
    """Text of a document, page by page."""

    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]{1,100}$")]
    pages: tuple[ReadPage, ...]


class _Refusal(_Part):
    code: str
    message: str


_ANSWER: TypeAdapter[Reading | _Refusal] = TypeAdapter(Reading | _Refusal)


def parse_answer(answer: bytes | bytearray, *, max_pages: int) -> Reading:
    """Take in what a reader wrote.

    Args:
        answer: One JSON object.
        max_pages: Most pages.

    Raises:
        StageError: The reader refused the document, or its answer makes no sense.
    """
    try:
        found = _ANSWER.validate_json(answer)
    except ValidationError:
        raise StageError(_OWN, "The reader's answer is not of the agreed form.") from None
    if isinstance(found, Reading):
        if len(found.pages) > max_pages:
            raise StageError(_OWN, "The reader's answer has more pages than are allowed.")
        return found.model_copy(update={"pages": tuple(map(_checked, found.pages))})
    raise StageError(_code(found.code), _printable(found.message))


def _checked(page: ReadPage) -> ReadPage:
    """Bound what is told of a page that could not be read."""
    if not page.code:
        return page
    told = {"code": _code(page.code), "reason": _printable(page.reason), "text": ""}
    return page.model_copy(update={**told, "source": PageSource.UNREAD})


def _code(word: str) -> FailureCode:
    """Take the code of a refusal: a reader speaks of the document and of itself."""
    known = word.startswith("document.") and word in set(FailureCode)
    return FailureCode(word) if known else _OWN


def _printable(message: str) -> str:
    short = message[:_MESSAGE_CHARACTERS]
    return "".join(letter if letter.isprintable() else "?" for letter in short)
