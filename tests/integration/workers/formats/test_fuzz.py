"""The fuzzer: what it damages is good before, and what it counts is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.fuzz.__main__ import files, fuzz
from chaos.fuzz.specimens import specimens
from settings.sections.limits import LimitSettings
from workers.prepare.document import read_document
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox


@pytest.mark.parametrize("name", specimens())
async def test_what_is_to_be_damaged_is_good(name: str, sandbox: Sandbox, ocr: Ocr) -> None:
    """All of it is read."""
    read = await read_document(specimens()[name], LimitSettings(), sandbox, ocr)
    assert read.unread_pages == ()
    assert any(word in read.text for word in ("Claim", "Hail"))


def test_the_same_seed_makes_the_same_files() -> None:
    """And another seed makes others."""
    once, again, other = (list(files(28, seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != other


async def test_damaged_files_of_every_format_leave_nothing_behind(tmp_path: Path) -> None:
    """No process, no open file, and no reader with a defect."""
    figures = await fuzz(42, 7, tmp_path)
    counted = [sum(found.values()) for found in figures["outcomes"].values()]
    assert sum(counted) == 42
    assert figures["defects"] == []
    for nothing in ("zygotes that died", "hangs", "processes left", "temporary files left"):
        assert figures[nothing] == 0
