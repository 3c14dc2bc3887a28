"""A reader's answer, which hostile code may have written."""

from __future__ import annotations

import json

import pytest

from schemas.failure import FailureCode
from workers.errors import StageError
from workers.prepare.answer import parse_answer


def refused(answer: bytes) -> StageError:
    """The error that the answer ends with."""
    with pytest.raises(StageError) as caught:
        parse_answer(answer, max_pages=2)
    return caught.value


def test_pages_are_taken_in() -> None:
    """With their media type."""
    answer = {"media_type": "text/plain", "pages": [{"text": "one"}, {"text": "Zoë"}]}
    reading = parse_answer(json.dumps(answer).encode(), max_pages=2)
    assert [page.text for page in reading.pages] == ["one", "Zoë"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"media_type": "text/plain", "pages": [{"text": 1}]}',
        b'{"media_type": "text/plain", "pages": [], "more": 1}',
        b'{"media_type": "text/plain\\n", "pages": []}',
        b'{"media_type": "text/plain", "pages": [{"text": "\xff"}]}',
        b'{"media_type": "text/plain", "pages": [{"text": ""}, {"text": ""}, {"text": ""}]}',
        b'{"code": "document.corrupt"}',
    ],
)
def test_what_is_not_of_the_agreed_form_is_a_failure_of_the_reader(answer: bytes) -> None:
    """So is more than was allowed; nothing of it stands in the message."""
    failure = refused(answer).failure
    assert failure.code is FailureCode.WORKER_ERROR
    assert failure.message.startswith("The reader's answer ")


@pytest.mark.parametrize("code", ["document.corrupt", "document.no_text"])
def test_a_reader_refuses_a_document_by_its_code(code: str) -> None:
    """The message comes along."""
    failure = refused(json.dumps({"code": code, "message": "It is cut off."}).encode()).failure
    assert (failure.code, failure.message) == (code, "It is cut off.")


@pytest.mark.parametrize("code", ["worker.killed", "engine.out_of_memory", "document.none", ""])
def test_a_reader_speaks_for_nobody_else(code: str) -> None:
    """Another code would send the job another way."""
    failure = refused(json.dumps({"code": code, "message": "x"}).encode()).failure
    assert failure.code is FailureCode.WORKER_ERROR


def test_a_message_is_short_and_printable() -> None:
    """The message goes to logs and terminals."""
    answer = {"code": "document.corrupt", "message": "\x1b[2J\n" + "x" * 10_000}
    message = refused(json.dumps(answer).encode()).failure.message
    assert message == "?[2J?" + "x" * 495
