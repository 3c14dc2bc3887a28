"""Reading a submit from an HTTP request: JSON, or a form that brings the document along."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from producer.access.principal import Principal
from producer.client import Client
from producer.errors import RequestError
from producer.http.multipart import Form, FormPart
from producer.uploads import DocumentHead
from schemas.document import StoredDocument
from schemas.job import DocumentSource, JobRequest, JobTerms

JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
_TERMS_BYTES = 256 * 2**10
_NAME_LENGTH = 255
_M = TypeVar("_M", bound=BaseModel)


class Submission(NamedTuple):
    """What a request asks for.

    Attributes:
        request: The job.
        name: The file name of a document that came along.
    """

    request: JobRequest
    name: str | None = None


async def read_submission(request: Request, client: Client, asker: Principal) -> Submission:
    """A submit; a document that comes with it is stored by then.

    Raises:
        RequestValidationError: Its form is not right.
        RequestError: It is no form, or lacks a field.
        HTTPException: It is of another media type.
        DocumentTooLargeError: The document is.
    """
    media_type = _media_type(request)
    if media_type == JSON_TYPE:
        return Submission(_valid(JobRequest, await request.body(), "body"))
    if media_type == FORM_TYPE:
        return await _read_form(request, client, asker)
    raise _unsupported(JSON_TYPE, FORM_TYPE)


async def read_document(
    request: Request, client: Client, asker: Principal, name: str | None
) -> StoredDocument:
    """Store the document that a request is, or that its form holds.

    Raises:
        RequestError: It is no form, or holds no file.
        DocumentTooLargeError: The document has too many bytes.
    """
    if _media_type(request) != FORM_TYPE:
        head = DocumentHead(asker.submits_as, name, request.headers.get("content-type", ""))
        return await client.uploads.receive(head, request.stream())
    form = Form(request.headers["content-type"], request.stream())
    stored = None
    async for part in form.parts():
        if part.name != "file" or stored is not None:
            raise _odd_field(part, "file")
        head = DocumentHead(asker.submits_as, name or part.file_name, part.media_type)
        stored = await client.uploads.receive(head, form.data())
    if stored is None:
        raise RequestError("the form has no field `file`")
    return stored


async def _read_form(request: Request, client: Client, asker: Principal) -> Submission:
    form = Form(request.headers["content-type"], request.stream())
    terms: JobTerms | None = None
    stored: StoredDocument | None = None
    name = None
    async for part in form.parts():
        if part.name == "request" and terms is None:
            terms = _valid(JobTerms, await form.text(max_bytes=_TERMS_BYTES), "body.request")
            client.submitter.check_tasks(terms.tasks)  # before the file is sent
        elif part.name == "file" and stored is None:
            name = part.file_name
            head = DocumentHead(asker.submits_as, name, part.media_type)
            stored = await client.uploads.receive(head, form.data())
        else:
            raise _odd_field(part, "request", "file")
    if terms is None or stored is None:
        raise RequestError("the form needs the fields `request` and `file`")
    source = DocumentSource(uri=stored.uri)
    return Submission(JobRequest(**_fields(terms), document=source), file_name(name))


def file_name(text: str | None) -> str | None:
    """A file name as a job keeps it: without folders, and not too long."""
    last = (text or "").replace("\\", "/").rpartition("/")[2]
    return last[-_NAME_LENGTH:] or None


def _fields(terms: JobTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.model_fields_set}


def _valid(model: type[_M], body: bytes, place: str) -> _M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        places = [{**one, "loc": (*place.split("."), *one["loc"])} for one in found]
        raise RequestValidationError(places) from error


def _media_type(request: Request) -> str:
    sent = request.headers.get("content-type", JSON_TYPE)
    return sent.partition(";")[0].strip().lower()


def _odd_field(part: FormPart, *known: str) -> RequestError:
    words = " and ".join(f"`{name}`" for name in known)
    return RequestError(f"field {part.name!r} of the form: it has {words}, each once")


def _unsupported(*known: str) -> HTTPException:
    return HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {' or '.join(known)} and say so in Content-Type"
    )
