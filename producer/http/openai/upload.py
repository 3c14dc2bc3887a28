"""Taking a file out of a multipart form while it arrives, so that none is ever in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from producer.openai.errors import OpenAiError
from producer.openai.files import Files, Incoming

_FIELD_BYTES = 4096
_FIELDS = 16


@dataclass
class Form:
    """What a form came to.

    Attributes:
        fields: The texts, by name.
        filename: Of the file.
        incoming: The file, all of its bytes written.
        digest: Of its bytes.
    """

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    incoming: Incoming | None = None
    digest: str = ""


async def read_form(request: Request, files: Files, *, max_bytes: int) -> Form:
    """Read a form with one file named `file`; on an error nothing of the file stays.

    Args:
        request: Whose body nobody has read.
        files: Where the file goes.
        max_bytes: The most that it may have.

    Raises:
        OpenAiError: It is no such form, or the file is too large.
    """
    reader = _Reader(request, files, max_bytes)
    try:
        async for chunk in request.stream():
            reader.feed(chunk)
            await reader.store()
        reader.finish()
    except FormParserError as error:
        await reader.abort()
        raise _bad(f"The form cannot be read: {error}") from error
    except BaseException:
        await reader.abort()
        raise
    return reader.form


class _Reader:
    """Callbacks of the parser, which is not asynchronous: they only gather."""

    def __init__(self, request: Request, files: Files, max_bytes: int) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise _bad("The body is no multipart/form-data.")
        self.form = Form()
        self._files = files
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._name: str | None = None
        self._is_file = False
        self._value = bytearray()
        self._bytes = bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(options[b"boundary"], self._callbacks())
        except FormParserError as error:
            raise _bad(f"The form cannot be read: {error}") from error

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._end_form,
        }

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def finish(self) -> None:
        if not self._ended:
            raise _bad("The form ends before its last boundary.")
        if self.form.incoming is None:
            raise _bad("The form has no file named `file`.", "file")
        self.form.digest = self._sha256.hexdigest()

    async def store(self) -> None:
        """Pass on what has arrived of the file."""
        if self.form.incoming is None or not self._bytes:
            return
        data = bytes(self._bytes)
        self._bytes.clear()
        self._sha256.update(data)
        await self.form.incoming.upload.write(data)
        if self.form.incoming.upload.size > self._max_bytes:
            raise OpenAiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The file has more than {self._max_bytes:,} bytes (openai.file_bytes).",
                code="file_too_large",
                param="file",
            )

    async def abort(self) -> None:
        if self.form.incoming is not None:
            await self.form.incoming.upload.abort()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _FIELDS:
            raise _bad("The form has more fields than a file needs.")
        self._headers, self._name, self._is_file = {}, None, False
        self._value.clear()

    def _add_header(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = _text(options.get(b"name", b""))
        self._is_file = self._name == "file"
        if not self._is_file:
            return
        if self.form.incoming is not None:
            raise _bad("The form has two files.", "file")
        self.form.filename = _text(options.get(b"filename", b"")) or "file.jsonl"
        self.form.incoming = self._files.begin()

    def _add(self, data: bytes) -> None:
        if self._is_file:
            self._bytes += data
            return
        self._value += data
        if len(self._value) > _FIELD_BYTES:
            raise _bad("The form has longer fields than a file needs.")

    def _end(self) -> None:
        if not self._is_file and self._name:
            self.form.fields[self._name] = _text(bytes(self._value))

    def _end_form(self) -> None:
        self._ended = True


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _bad(message: str, param: str | None = None) -> OpenAiError:
    return OpenAiError(HTTPStatus.BAD_REQUEST, message, code="invalid_form", param=param)


def unknown_fields(fields: Mapping[str, str], known: set[str]) -> str | None:
    """A field that nobody asked for, if there is one."""
    return next((name for name in fields if name not in known), None)
