"""Reading of a submit from an HTTP request: JSON, or a form with the document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from producer.access.principal import Principal
from producer.client import Client
from producer.errors import RequestError
from producer.http.limits.json_values import has_more_values, too_many_values
from producer.http.limits.room import Room, leave_turn
from producer.http.multipart import Form, FormPart
from producer.uploads import DocumentHead
from schemas.document import StoredDocument
from schemas.job import DocumentSource, JobRequest, JobTerms

JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
_TERMS_BYTES = 64 * 2**10
_VALUES = 500
"""Maximum JSON values of a submit; a valid one has at most a hundred."""
_NAME_LENGTH = 255
_M = TypeVar("_M", bound=BaseModel)


class Submission(NamedTuple):
    """Content of a request to submit a job.

    Attributes:
        request: The job.
        name: The file name of a document in the form.
    """

    request: JobRequest
    name: str | None = None


@asynccontextmanager
async def reading_submission(
    request: Request, client: Client, room: Room, asker: Principal
) -> AsyncIterator[Submission]:
    """Read a submit for the length of a block; a document that comes with it is already stored.

    Raises:
        RequestValidationError: A value is not valid.
        RequestError: The body is no form, or lacks a field.
        HTTPException: The media type is another one.
        DocumentTooLargeError: The document has too many bytes.
        TooManyAtOnceError: The tenant has its maximum number of such requests.
        OverloadedError: There is no room for it.
    """
    match _media_type(request):
        case "application/json":
            async with room.body(request, asker.submits_as) as body:
                yield Submission(await _valid(JobRequest, body, "body"))
        case "multipart/form-data":
            yield await _read_form(request, client, room, asker)
        case _:
            raise _unsupported(JSON_TYPE, FORM_TYPE)


async def receive_document(
    request: Request, client: Client, room: Room, asker: Principal, name: str | None
) -> StoredDocument:
    """Store the document that the body is, or that its form holds.

    Raises:
        RequestError: The body is no form, or holds no file.
        DocumentTooLargeError: The document has too many bytes.
        TooManyAtOnceError: The tenant has its maximum number of uploads.
        OverloadedError: There is no room for it.
    """
    leave_turn(request)
    with await room.uploads.take(asker.submits_as):
        return await _receive_document(request, client, asker, name)


async def _receive_document(
    request: Request, client: Client, asker: Principal, name: str | None
) -> StoredDocument:
    if _media_type(request) != FORM_TYPE:
        head = DocumentHead(asker.submits_as, name, request.headers.get("content-type", ""))
        return await client.uploads.receive(head, request.stream())
    form = Form(request.headers["content-type"], request.stream())
    stored = None
    async for part in form.parts():
        if part.name != "file" or stored is not None:
            raise odd_field(part, "file")
        head = DocumentHead(asker.submits_as, name or part.file_name, part.media_type)
        stored = await client.uploads.receive(head, form.data())
    if stored is None:
        raise RequestError("the form has no field `file`")
    return stored


async def _read_form(request: Request, client: Client, room: Room, asker: Principal) -> Submission:
    leave_turn(request)
    form = Form(request.headers["content-type"], request.stream())
    terms: JobTerms | None = None
    stored: StoredDocument | None = None
    name = None
    async for part in form.parts():
        if part.name == "request" and terms is None:
            terms = await valid_terms(JobTerms, form)
            client.submitter.check_asked(terms.tasks)  # before the file arrives
        elif part.name == "file" and stored is None:
            name = part.file_name
            head = DocumentHead(asker.submits_as, name, part.media_type)
            with await room.uploads.take(asker.submits_as):
                stored = await client.uploads.receive(head, form.data())
        else:
            raise odd_field(part, "request", "file")
    if terms is None or stored is None:
        raise RequestError("the form needs the fields `request` and `file`")
    source = DocumentSource(uri=stored.uri)
    return Submission(JobRequest(**_fields(terms), document=source), file_name(name))


async def valid_terms(model: type[_M], form: Form) -> _M:
    """Return the JSON in the field `request` of a form.

    Raises:
        RequestValidationError: A value is not valid.
        RequestError: The field is too long or has too many values.
    """
    return await _valid(model, await form.text(max_bytes=_TERMS_BYTES), "body.request")


def check_form(request: Request) -> None:
    """Raise HTTPException where a body is no form."""
    if _media_type(request) != FORM_TYPE:
        raise _unsupported(FORM_TYPE)


def file_name(text: str | None) -> str | None:
    """Return a file name for a job: without folders, and not too long."""
    last = (text or "").replace("\\", "/").rpartition("/")[2]
    return last[-_NAME_LENGTH:] or None


def _fields(terms: JobTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.model_fields_set}


async def _valid(model: type[_M], body: bytes, place: str) -> _M:
    if has_more_values(body, _VALUES):
        raise RequestError(too_many_values(_VALUES))
    try:
        return await asyncio.to_thread(model.model_validate_json, body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
    # Raised outside of the block: inside, the error would refer to the refused text.
    places = [{**one, "loc": (*place.split("."), *one["loc"])} for one in found]
    raise RequestValidationError(places)


def _media_type(request: Request) -> str:
    sent = request.headers.get("content-type", JSON_TYPE)
    return sent.partition(";")[0].strip().lower()


def odd_field(part: FormPart, *known: str) -> RequestError:
    """Return the error of a field that a form has not, or has twice."""
    words = " and ".join(f"`{name}`" for name in known)
    return RequestError(f"field {part.name!r} of the form: it has {words}, each once")


def _unsupported(*known: str) -> HTTPException:
    return HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {' or '.join(known)} and say so in Content-Type"
    )
