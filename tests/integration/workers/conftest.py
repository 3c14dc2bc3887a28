"""Fixtures of the tests of the workers' stages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from settings.sections.ocr import OcrSettings
from workers.prepare.recognition import Ocr
from workers.prepare.sandbox import Sandbox


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that reads what a worker's does."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="package")
def ocr() -> Iterator[Ocr]:
    """An OCR that reads English, as a worker's does."""
    ocr = Ocr(OcrSettings())
    yield ocr
    ocr.stop()
