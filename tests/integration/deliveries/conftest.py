"""A deliver worker and a receiver for the tests in this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.deliver_scene import DeliverScene, TestReceiver, delivering, receiving
from tests.fixtures.servers import Buckets


@pytest.fixture
async def scene(valkey_url: str, s3: Buckets) -> AsyncIterator[DeliverScene]:
    """A deliver worker."""
    assert s3.results
    async with delivering(valkey_url) as scene:
        yield scene


@pytest.fixture
async def receiver() -> AsyncIterator[TestReceiver]:
    """A receiver that takes everything."""
    async with receiving() as receiver:
        yield receiver
