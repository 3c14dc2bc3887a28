"""Page text of a job's document, as prepare has stored it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import ObjectMissingError
from workers.page_text import load_page_text

if TYPE_CHECKING:
    from producer.client import Client
    from schemas.document import PageText
    from schemas.job import Job


async def stored_text(client: Client, job: Job) -> PageText | None:
    """Return what was read of a job's document; None where it was not, or was deleted."""
    if job.prepared is None:
        return None
    try:
        return await load_page_text(client.store, job.prepared.text_uri)
    except ObjectMissingError:
        return None
