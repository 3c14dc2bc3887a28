"""The corpus: the parts share nothing, truths are true, and a seed gives the same bytes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pypdfium2
import pytest

from corpus import __main__ as command
from corpus.document import KINDS, LOSS_RUN, OCR_TEXT, PACKET, PDF, TEXT, Document, make_document
from corpus.layouts import held_out, training
from corpus.part import Part, vocabulary
from corpus.render.scan import QUALITIES

_SHARED_COLUMNS = {"companies", "providers", "carriers", "vehicles"}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


def _pages(document: Document) -> list[str]:
    if document.file.suffix == ".pdf":
        pdf = pypdfium2.PdfDocument(document.file.data)
        return [page.get_textpage().get_text_range() for page in pdf]
    return document.file.data.decode().split("\f")


def _plain(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()


def _value(data: Any, pointer: str) -> str:
    for step in pointer.split("/")[1:]:
        data = data[int(step) if isinstance(data, list | tuple) else step]
    return str(data)


def test_the_parts_share_no_word_of_their_vocabulary() -> None:
    """A prompt that knows the training part by heart knows nothing of the test part."""
    words = [set(_texts(vocabulary(part).model_dump())) for part in Part]
    assert words[0] & words[1] == set()


def test_the_parts_share_no_layout() -> None:
    """Not even one of the same name."""
    names = [
        {layout.__name__ for layout in (*part.FORMS, *part.PROSE, *part.LOSS_RUNS)}
        for part in (training, held_out)
    ]
    assert names[0] & names[1] == set()


@pytest.mark.parametrize("rendering", [TEXT, PDF])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != PACKET])
@pytest.mark.parametrize("part", list(Part))
def test_each_value_stands_on_the_page_that_its_truth_names(
    part: Part, kind: str, rendering: str
) -> None:
    """And each value that is given has a page."""
    for number in range(6):
        document = make_document(part, kind, number, rendering)
        pages = [_plain(page) for page in _pages(document)]
        assert len(pages) == document.file.pages
        assert document.file.places
        ((task, places),) = document.truth["places"].items()
        data = document.truth["tasks"][task]
        for pointer, numbers in places.items():
            for page in numbers:
                assert _plain(_value(data, pointer)) in pages[page - 1], (pointer, document.name)


def test_each_value_of_a_record_has_a_page() -> None:
    """A value without one would be truth that the document does not tell."""
    for kind in KINDS:
        if kind in {PACKET, LOSS_RUN}:
            continue
        truth = make_document(Part.TEST, kind, 1, TEXT).truth
        ((task, places),) = truth["places"].items()
        given = {f"/{name}" for name, value in truth["tasks"][task].items() if value}
        assert given == set(places)


def test_each_value_of_a_loss_runs_rows_has_a_page() -> None:
    """The policy's number may stand above its rows, on an earlier page."""
    for part in Part:
        for number in range(8):
            truth = make_document(part, LOSS_RUN, number, TEXT).truth
            given = {
                f"/rows/{index}/{name}"
                for index, row in enumerate(truth["tasks"]["loss-run"]["rows"])
                for name, value in row.items()
                if value
            }
            assert given == set(truth["places"]["loss-run"])


def test_long_loss_runs_have_many_pages() -> None:
    """Tables go over pages."""
    pages = [make_document(part, LOSS_RUN, n, PDF).file.pages for part in Part for n in range(12)]
    assert max(pages) > 3


def test_the_documents_of_a_packet_cover_its_pages() -> None:
    """Each begins where the one before ends."""
    for number in range(5):
        document = make_document(Part.TRAIN, PACKET, number, PDF)
        spans = document.truth["tasks"][PACKET]["documents"]
        pages = [p for one in spans for p in range(one["first_page"], one["last_page"] + 1)]
        assert pages == list(range(1, document.file.pages + 1))


@pytest.mark.parametrize("rendering", [TEXT, OCR_TEXT, PDF, "fax"])
def test_the_same_seed_gives_the_same_bytes(rendering: str) -> None:
    """And another seed others."""
    made = [make_document(Part.TRAIN, "fnol", 3, rendering, seed).file for seed in (1, 1, 2)]
    assert made[0].data == made[1].data != made[2].data


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_scan_has_its_pages_and_no_text(quality: str) -> None:
    """The text of a scan has to be recognized."""
    document = make_document(Part.TEST, "medical_bill", 0, quality)
    pages = _pages(document)
    assert len(pages) == document.file.pages
    assert "".join(pages).strip() == ""


def test_text_that_was_misread_differs_from_the_text() -> None:
    """In some characters of many."""
    texts = [make_document(Part.TRAIN, LOSS_RUN, 0, r).file.data for r in (TEXT, OCR_TEXT)]
    assert texts[0] != texts[1]


def test_the_command_writes_documents_and_their_truths(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One truth for each document, of the same name."""
    arguments = ["corpus", "--part", "test", "--count", "12", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert command.main() == 0
    documents = sorted(path.stem for path in (tmp_path / "documents").iterdir())
    assert documents == sorted(path.stem for path in (tmp_path / "truth").iterdir())
    assert len(documents) == 12
