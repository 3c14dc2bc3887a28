"""XML from strangers, as a stream of events: no entities, no depth, no tree in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from xml.parsers import expat

from workers.prepare.formats.format import UnreadableError

_DEPTH = 2_000
_CHUNK = 2**18


def load_xml() -> None:
    """Make the parser ready."""
    expat.ParserCreate(namespace_separator=" ").Parse(b"<a/>", True)


def parse_xml(
    stream: BinaryIO,
    start: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Parse XML; elements and attributes have their names without namespaces.

    Args:
        stream: The XML.
        start: Takes the name of an element that begins, and its attributes.
        end: Takes the name of an element that ends.
        text: Takes a stretch of text.

    Raises:
        UnreadableError: document.corrupt.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def started(name: str, values: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise UnreadableError(
                "document.corrupt", f"The file's XML is nested more than {_DEPTH:,} levels deep."
            )
        start(_local(name), {_local(key): value for key, value in values.items()})

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(name))

    parser.buffer_text = True
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableError(
            "document.corrupt", f"The file's XML is damaged in line {error.lineno:,}."
        ) from error


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse(*_: object) -> None:
    raise UnreadableError(
        "document.corrupt", "The file's XML defines entities, which no Office program writes."
    )
