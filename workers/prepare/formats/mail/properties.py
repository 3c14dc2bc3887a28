"""Properties of an Outlook message, as its compound file has them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from olefile import OleFileIO

_STREAM = "__substg1.0_"
_PROPERTIES = "__properties_version1.0"
_ATTACHED = "__attach_version1.0_"
_EMBEDDED = f"{_STREAM}3701000D"
_UNICODE, _BYTES, _BINARY, _TIME = 0x001F, 0x001E, 0x0102, 0x0040
_CODE_PAGES = (0x3FFD, 0x3FDE)
"""Properties that name the encoding of 8-bit text."""
_INTEGER = 0x0003
_ROW = struct.Struct("<HHI8s")
_HEADER_BYTES = {"message": 32, "embedded": 24, "attachment": 8}
_UTF8_PAGE = 65_001
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class PropertyReader:
    """A compound file's folders of properties.

    Args:
        file: The file.
    """

    def __init__(self, file: OleFileIO) -> None:
        self._file = file
        self._streams = {tuple(path) for path in file.listdir(streams=True, storages=False)}
        self._folders = {tuple(path) for path in file.listdir(streams=False, storages=True)}

    def properties(self, folder: tuple[str, ...]) -> Properties:
        """Return the properties of a message or an attachment."""
        return Properties(self._file, self._streams, folder)

    def attachments(self, folder: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the folders of a message's attachments, in their order."""
        depth = len(folder) + 1
        inside = (path for path in self._folders if path[:-1] == folder and len(path) == depth)
        return sorted(path for path in inside if path[-1].startswith(_ATTACHED))

    def embedded(self, attachment: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the folder of the message that is attached, if a message is."""
        folder = (*attachment, _EMBEDDED)
        return folder if folder in self._folders else None


class Properties:
    """Properties of one message or attachment.

    Args:
        file: The file.
        streams: All its streams.
        folder: Where the properties lie.
    """

    def __init__(
        self, file: OleFileIO, streams: set[tuple[str, ...]], folder: tuple[str, ...]
    ) -> None:
        self._file = file
        self._streams = streams
        self._folder = folder
        self._fixed = self._fixed_values()

    def has(self, number: int) -> bool:
        """Tell whether the binary property is there."""
        return self._stream(number, _BINARY) in self._streams

    def text(self, number: int) -> str:
        """Return a property's text, or none."""
        stream = self._stream(number, _UNICODE)
        if stream in self._streams:
            return self._read(stream).decode("utf-16-le", "replace").rstrip("\0")
        for kind in (_BYTES, _BINARY):
            stream = self._stream(number, kind)
            if stream in self._streams:
                return self._decoded(self._read(stream))
        return ""

    def content(self, number: int) -> bytes:
        """Return a property's bytes, or none."""
        stream = self._stream(number, _BINARY)
        return self._read(stream) if stream in self._streams else b""

    def time(self, number: int) -> str:
        """Return a property's time, or nothing."""
        ticks = struct.unpack("<Q", self._fixed.get((number, _TIME), bytes(8)))[0]
        if not ticks:
            return ""
        moment = _EPOCH + timedelta(microseconds=min(ticks // 10, 2**57))
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

    def _stream(self, number: int, kind: int) -> tuple[str, ...]:
        return (*self._folder, f"{_STREAM}{number:04X}{kind:04X}")

    def _read(self, stream: tuple[str, ...]) -> bytes:
        return bytes(self._file.openstream(list(stream)).read())

    def _decoded(self, data: bytes) -> str:
        named = (self._fixed.get((number, _INTEGER), bytes(8)) for number in _CODE_PAGES)
        pages = (int.from_bytes(value[:4], "little") for value in named)
        page = next(filter(None, pages), 0)
        encoding = "utf-8" if page in {0, _UTF8_PAGE} else f"cp{page}"
        try:
            return data.decode(encoding).rstrip("\0")
        except (LookupError, UnicodeDecodeError):
            return data.decode("cp1252", "replace").rstrip("\0")

    def _fixed_values(self) -> dict[tuple[int, int], bytes]:
        """Return the properties of fixed size, by number and kind."""
        stream = (*self._folder, _PROPERTIES)
        if stream not in self._streams:
            return {}
        data = self._read(stream)
        last = self._folder[-1] if self._folder else ""
        kind = "attachment" if last.startswith(_ATTACHED) else "embedded" if last else "message"
        rows = data[_HEADER_BYTES[kind] :]
        whole = rows[: len(rows) // _ROW.size * _ROW.size]
        return {(number, type_): value for type_, number, _, value in _ROW.iter_unpack(whole)}
