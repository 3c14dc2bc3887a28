"""Fixtures of the tests of the workers' stages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workers.prepare.sandbox import Sandbox


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that reads what a worker's does."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()
