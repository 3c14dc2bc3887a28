"""Identifiers, and the kinds of records that they name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.ids import RecordKind, new_delivery_id, new_endpoint_id, new_job_id, record_kind
from schemas.openai.batch import new_batch_id
from schemas.openai.file import new_file_id


@pytest.mark.parametrize(
    ("new_id", "kind"),
    [
        (new_job_id, RecordKind.JOB),
        (new_delivery_id, RecordKind.DELIVERY),
        (new_batch_id, RecordKind.BATCH),
        (new_file_id, RecordKind.FILE),
        (new_endpoint_id, None),
        (str, None),
    ],
)
def test_an_id_names_the_kind_of_its_record(
    new_id: Callable[[], str], kind: RecordKind | None
) -> None:
    """Endpoints are no records."""
    assert record_kind(new_id()) is kind
