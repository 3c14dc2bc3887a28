"""Files that are made to hurt: each ends in a failure of its own, and hurts nobody else."""

from __future__ import annotations

import os

import pytest

from settings.sections.limits import LimitSettings
from tests.fixtures.documents.hostile_files import HOSTILE, attached, cut
from tests.fixtures.documents.office import zipped
from tests.fixtures.documents.pdfs import printed
from tests.fixtures.processes import readers_of
from workers.errors import StageError
from workers.prepare.document import read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox

LIMITS = LimitSettings(document_bytes=8 * 2**20, sandbox_memory_bytes=2**29, sandbox_cpu_seconds=10)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_ends_in_its_own_failure(
    name: str, sandbox: Sandbox, ocr: Ocr
) -> None:
    """Whatever it is, the next document is read, and no process is left."""
    make, code = HOSTILE[name]
    with pytest.raises(StageError) as caught:
        await read_document(make(), LIMITS, sandbox, ocr)
    assert caught.value.failure.code == code
    assert readers_of(os.getpid()) == []
    assert (await read_document(b"Claim 4711", LIMITS, sandbox, ocr)).text == "Claim 4711"


async def test_a_hostile_attachment_leaves_the_mail_and_its_neighbours_readable(
    sandbox: Sandbox,
) -> None:
    """One part is unread; a part that would end the process ends the document."""
    data = zipped({"a.eml": attached(cut(printed("Claim"))), "b.txt": "Claim 4711"})
    read = await read_document(data, LIMITS, sandbox)
    assert [(page.part, page.source) for page in read.pages] == [
        ("a.eml", "text"),
        ("a.eml/a.pdf", "unread"),
        ("b.txt", "text"),
    ]
