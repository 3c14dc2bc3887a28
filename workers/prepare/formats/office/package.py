"""An Office file's package: its parts, and which part refers to which."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote

from workers.prepare.formats.archive import Archive, load_archives
from workers.prepare.formats.format import Attachment
from workers.prepare.formats.office.xml import load_xml, parse_xml


def load_office() -> None:
    """Load what reading takes."""
    load_archives()
    load_xml()


class Relation(NamedTuple):
    """A reference from one part to another."""

    kind: str
    """Last word of its type: `header`, `image`, `sharedStrings` ..."""
    target: str
    """Name of the other part."""


class OfficePackage:
    """A package whose parts can be read.

    Args:
        data: The whole file.

    Raises:
        UnreadableError: document.corrupt.
    """

    def __init__(self, data: bytes) -> None:
        self._archive = Archive(data)

    def parse(
        self,
        part: str,
        start: Callable[[str, Mapping[str, str]], None],
        end: Callable[[str], None],
        text: Callable[[str], None],
    ) -> bool:
        """Parse a part; tell whether it is there.

        Raises:
            UnreadableError: document.corrupt.
        """
        if part not in self._archive.names:
            return False
        with self.open(part) as stream:
            parse_xml(stream, start, end, text)
        return True

    def open(self, part: str) -> BinaryIO:
        """Open a part."""
        return self._archive.open(part)

    def attachment(self, part: str) -> Attachment:
        """Return a part as a file that goes with the document; it is read when it is asked for."""
        return Attachment(posixpath.basename(part), partial(self._archive.content, part))

    def below(self, folder: str) -> list[str]:
        """Return the names of the parts in a folder."""
        return [name for name in self._archive.names if name.startswith(folder)]

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the references of a part by their ids; those to the outside are left out."""
        folder, name = posixpath.split(part)
        found: dict[str, Relation] = {}

        def start(tag: str, values: Mapping[str, str]) -> None:
            if tag == "Relationship" and values.get("TargetMode") != "External":
                target = posixpath.join("/" + folder, unquote(values.get("Target", "")))
                kind = values.get("Type", "").rpartition("/")[2]
                found[values.get("Id", "")] = Relation(kind, posixpath.normpath(target)[1:])

        self.parse(posixpath.join(folder, "_rels", f"{name}.rels"), start, _ignore, _ignore)
        return found


def _ignore(_: str) -> None:
    """Take no notice."""
