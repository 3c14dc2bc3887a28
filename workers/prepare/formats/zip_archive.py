"""A ZIP archive: its members are attachments, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from workers.prepare.content import ZIP
from workers.prepare.formats.archive import Archive, load_archives
from workers.prepare.formats.format import Attachment, Format, Page, UnreadableError

_LEFT_BY_SYSTEMS = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def read(data: bytes, _max_pages: int) -> Iterator[Page | Attachment]:
    """Yield the members.

    Raises:
        UnreadableError: document.corrupt, document.empty or document.too_large.
    """
    archive = Archive(data)
    names = [name for name in archive.names if not _is_left_by_system(name)]
    if not names:
        raise UnreadableError("document.empty", "The ZIP archive holds no files.")
    for name in names:
        yield Attachment(name, partial(archive.content, name))


def _is_left_by_system(name: str) -> bool:
    return name.startswith(_LEFT_BY_SYSTEMS[0]) or name.rpartition("/")[2] in _LEFT_BY_SYSTEMS


FORMAT = Format(
    name="ZIP archives of these",
    content=ZIP,
    media_type="application/zip",
    load=load_archives,
    read=read,
)
