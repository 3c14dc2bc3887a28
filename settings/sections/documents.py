"""`[documents]`: facts of documents that are kept beside their results."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class DocumentSettings(Section):
    """Settings of the facts that docfleet keeps of a document."""

    object_metadata: bool = Field(
        default=True,
        description="Whether an object's own metadata (`x-amz-meta-...`) goes into job, result"
        " and events; turn it off where it is personal data.",
    )
