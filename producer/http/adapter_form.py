"""Reading of an adapter from a form, into a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import Request

from adapters.config import ADAPTER_CONFIG, WEIGHTS
from producer.access.principal import Principal
from producer.errors import RequestError
from producer.http.limits.room import Room, leave_turn
from producer.http.multipart import Form
from producer.http.submission import check_form, odd_field, valid_terms
from schemas.adapter import AdapterTerms

_CONFIG_BYTES = 2**20
_FILES = {"config": ADAPTER_CONFIG, "weights": WEIGHTS}


async def read_adapter_form(
    request: Request, room: Room, asker: Principal, folder: Path
) -> AdapterTerms:
    """Write an adapter's files into a folder as they arrive; return its terms.

    Args:
        request: Its body is a form with the fields `request`, `config` and `weights`.
        room: Room for uploads.
        asker: The sender.
        folder: An empty folder.

    Raises:
        RequestValidationError: A term is not valid.
        RequestError: The body is no form, or lacks a field.
        HTTPException: The media type is another one, or the body is too large.
        TooManyAtOnceError: The sender has its maximum number of uploads.
    """
    check_form(request)
    leave_turn(request)
    terms: AdapterTerms | None = None
    written: set[str] = set()
    with await room.uploads.take(asker.submits_as):
        form = Form(request.headers["content-type"], request.stream())
        async for part in form.parts():
            if part.name == "request" and terms is None:
                terms = await valid_terms(AdapterTerms, form)
            elif part.name == "config" and part.name not in written:
                data = await form.text(max_bytes=_CONFIG_BYTES)
                await asyncio.to_thread((folder / ADAPTER_CONFIG).write_bytes, data)
                written.add(part.name)
            elif part.name == "weights" and part.name not in written:
                await _write(folder / WEIGHTS, form)
                written.add(part.name)
            else:
                raise odd_field(part, "request", *_FILES)
    if terms is None or written != _FILES.keys():
        raise RequestError("the form needs the fields `request`, `config` and `weights`")
    return terms


async def _write(path: Path, form: Form) -> None:
    with path.open("wb") as file:
        async for chunk in form.data():
            await asyncio.to_thread(file.write, chunk)
