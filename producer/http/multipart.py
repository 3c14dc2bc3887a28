"""Reader of `multipart/form-data`: part after part, never a whole part in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from producer.errors import RequestError

_HEADER_BYTES = 8_192
_HEADERS = 16
_PARTS = 16


class FormPart(NamedTuple):
    """Head of a part.

    Attributes:
        name: The field's name.
        file_name: The sender's file name; None for a plain field.
        media_type: Media type of the part; empty when the sender names none.
    """

    name: str
    file_name: str | None
    media_type: str


class Form:
    """A form whose parts are read in the order in which they arrive.

    Args:
        content_type: The request's header.
        chunks: The request's body.

    Raises:
        RequestError: The header has no boundary.
    """

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise RequestError("send multipart/form-data, with its boundary in Content-Type")
        self._chunks = chunks
        self._happened: deque[FormPart | bytes | None] = deque()
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._ended = False
        self._parts = 0
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=_HEADERS,
                max_header_size=_HEADER_BYTES,
            )
        except FormParserError as error:
            raise RequestError(f"this is no form: {error}") from error

    async def parts(self) -> AsyncIterator[FormPart]:
        """Yield the heads of the parts; skip data that is not read.

        Raises:
            RequestError: The body is no form, or ends too soon.
        """
        while True:
            while not self._happened:
                if not await self._read():
                    return
            happened = self._happened.popleft()
            if isinstance(happened, FormPart):
                yield happened

    async def data(self) -> AsyncIterator[bytes]:
        """Yield the data of the last part; raise the errors of `parts`."""
        while True:
            while not self._happened:
                if not await self._read():
                    return
            if isinstance(self._happened[0], FormPart):
                return
            happened = self._happened.popleft()
            if not isinstance(happened, bytes):
                return
            yield happened

    async def text(self, *, max_bytes: int) -> bytes:
        """Return the data of a small part; raise RequestError for a larger one."""
        found = bytearray()
        async for chunk in self.data():
            found += chunk
            if len(found) > max_bytes:
                raise RequestError(f"a field of the form has more than {max_bytes:,} bytes")
        return bytes(found)

    async def _read(self) -> bool:
        """Read some more bytes; return False at the end."""
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            if not self._ended:
                raise RequestError("the form ends before its last boundary") from None
            return False
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise RequestError(f"this is no form: {error}") from error
        return True

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > _PARTS:
            raise RequestError(f"the form has more than {_PARTS} fields")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"filename")
        self._happened.append(
            FormPart(
                options.get(b"name", b"").decode(errors="replace"),
                None if name is None else name.decode(errors="replace"),
                self._headers.get(b"content-type", b"").decode("latin-1"),
            )
        )

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._happened.append(data[start:end])

    def _on_part_end(self) -> None:
        self._happened.append(None)

    def _on_end(self) -> None:
        self._ended = True
