"""A file in a form, stored while it arrives: it is never whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request

from producer.errors import RequestError
from producer.http.multipart import Form, FormPart
from producer.openai.errors import OpenAiError
from producer.openai.files import Files, Incoming

_FIELD_BYTES = 4096


@dataclass
class FileForm:
    """A form with a file.

    Attributes:
        fields: The texts, by name.
        filename: The sender's name of the file.
        incoming: The file, with all of its bytes written; None for a form without one.
        digest: The sha256 of its bytes, in hex.
    """

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    incoming: Incoming | None = None
    digest: str = ""


async def read_form(request: Request, files: Files, *, max_bytes: int) -> FileForm:
    """Read a form with at most one file, named `file`; on an error, keep nothing of the file.

    Args:
        request: A request whose body is unread.
        files: Store the file.
        max_bytes: The maximum bytes of the file.

    Raises:
        OpenAiError: The form is not valid, or the file is too large.
    """
    read = FileForm()
    try:
        form = Form(request.headers.get("content-type", ""), request.stream())
        async for part in form.parts():
            if part.name == "file":
                await _store(read, part, form.data(), files, max_bytes)
            elif part.name:
                text = await form.text(max_bytes=_FIELD_BYTES)
                read.fields[part.name] = text.decode(errors="replace")
    except BaseException as error:
        if read.incoming is not None:
            await read.incoming.upload.abort()
        if isinstance(error, RequestError):
            raise _bad(f"The form cannot be read: {error}.") from error
        raise
    return read


async def _store(
    read: FileForm, part: FormPart, data: AsyncIterator[bytes], files: Files, max_bytes: int
) -> None:
    if read.incoming is not None:
        raise _bad("The form has two files.", "file")
    read.filename = part.file_name or "file.jsonl"
    read.incoming = files.begin()
    upload, digest = read.incoming.upload, hashlib.sha256()
    async for chunk in data:
        digest.update(chunk)
        await upload.write(chunk)
        if upload.size > max_bytes:
            raise OpenAiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The file has more than {max_bytes:,} bytes (openai.file_bytes).",
                code="file_too_large",
                param="file",
            )
    read.digest = digest.hexdigest()


def _bad(message: str, param: str | None = None) -> OpenAiError:
    return OpenAiError(HTTPStatus.BAD_REQUEST, message, code="invalid_form", param=param)


def unknown_fields(fields: Mapping[str, str], known: set[str]) -> str | None:
    """Return a field that the route does not know, or None."""
    return next((name for name in fields if name not in known), None)
