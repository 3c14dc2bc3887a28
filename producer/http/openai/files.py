"""Routes of `/v1/files`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from producer.client import Client
from producer.http.dependencies import ClientOfApp, ReadTenant, RoomOfApp, SubmittingTenant
from producer.http.limits.room import leave_turn
from producer.http.openai.request import is_repeated
from producer.http.openai.route import openai_responses, openai_router
from producer.http.openai.upload import FileForm, read_form, unknown_fields
from producer.openai.errors import OpenAiError
from producer.openai.files import MEDIA_TYPE
from schemas.openai.file import FileObject, FilePurpose
from schemas.openai.list import OpenAiList

_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_EXPIRY_SECONDS = range(3_600, 2_592_001)
_MOST_ITEMS = 1_000

files = openai_router("/v1/files")


class DeletedFile(BaseModel):
    """Answer for a deleted file."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


@files.post(
    "",
    operation_id="createFile",
    summary="Upload a file",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file", "purpose"],
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "purpose": {"const": "batch"},
                            _ANCHOR: {"const": "created_at"},
                            _SECONDS: {"type": "integer"},
                        },
                    }
                }
            },
        }
    },
)
async def create_file(
    request: Request, tenant: SubmittingTenant, client: ClientOfApp, room: RoomOfApp
) -> FileObject:
    """Store the file in the work bucket while it arrives."""
    leave_turn(request)
    with await room.uploads.take(tenant):
        return await _create_file(request, tenant, client)


async def _create_file(request: Request, tenant: str, client: Client) -> FileObject:
    made = client.openai.files
    form = await read_form(request, made, max_bytes=client.openai.settings.file_bytes)
    if form.incoming is None:
        raise _refused("The form has no field `file`", "file")
    try:
        seconds = _checked(form)
        earlier = await made.again(tenant, form.digest) if is_repeated(request) else None
    except BaseException:
        await form.incoming.upload.abort()
        raise
    if earlier is not None:
        await form.incoming.upload.abort()
        return earlier.public()
    file = await made.keep(
        form.incoming,
        filename=form.filename,
        purpose=FilePurpose.BATCH,
        tenant=tenant,
        seconds=seconds,
        digest=form.digest,
    )
    return file.public()


def _checked(form: FileForm) -> float | None:
    """Return the seconds to keep the file, if the sender sets them.

    Raises:
        OpenAiError: A field is not valid.
    """
    if form.fields.get("purpose") != FilePurpose.BATCH:
        raise _refused("`purpose`: files are taken for `batch` only", "purpose")
    if name := unknown_fields(form.fields, {"purpose", _ANCHOR, _SECONDS}):
        raise _refused(f"`{name}` is not served", name)
    if _ANCHOR not in form.fields and _SECONDS not in form.fields:
        return None
    seconds = form.fields.get(_SECONDS, "")
    if form.fields.get(_ANCHOR) != "created_at" or not seconds.isdecimal():
        raise _refused("`expires_after` has an anchor `created_at` and seconds", "expires_after")
    if int(seconds) not in _EXPIRY_SECONDS:
        raise _refused("`expires_after.seconds` is from 3600 to 2592000", "expires_after")
    return int(seconds)


def _refused(message: str, param: str) -> OpenAiError:
    return OpenAiError(HTTPStatus.BAD_REQUEST, f"{message}.", code="invalid_request", param=param)


@files.get(
    "",
    operation_id="listFiles",
    summary="The files",
    responses=openai_responses(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
)
async def list_files(
    tenant: ReadTenant,
    client: ClientOfApp,
    purpose: FilePurpose | None = None,
    after: Annotated[str | None, Query(description="The last file of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
) -> OpenAiList[FileObject]:
    """List one page of the files, by time of creation; a page has at most a thousand."""
    limit = min(limit, _MOST_ITEMS)
    found = await client.openai.files.page(
        tenant,
        purpose=purpose,
        after=after,
        limit=limit + 1,
        newest_first=order == "desc",
    )
    return OpenAiList[FileObject].of([file.public() for file in found], limit)


@files.get(
    "/{file_id}",
    operation_id="getFile",
    summary="What is known of a file",
    responses=openai_responses(HTTPStatus.NOT_FOUND),
)
async def get_file(file_id: str, tenant: ReadTenant, client: ClientOfApp) -> FileObject:
    """Return name, size, purpose and expiry of a file."""
    return (await client.openai.files.get(tenant, file_id)).public()


@files.get(
    "/{file_id}/content",
    operation_id="getFileContent",
    summary="A file's bytes",
    response_class=StreamingResponse,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        **openai_responses(HTTPStatus.NOT_FOUND),
    },
)
async def get_file_content(
    file_id: str, request: Request, tenant: ReadTenant, client: ClientOfApp, room: RoomOfApp
) -> Response:
    """Return the bytes of a file, block by block."""
    made = client.openai.files
    file = await made.get(tenant, file_id)
    return await room.sent(made.download(file), request, tenant, media_type=MEDIA_TYPE)


@files.delete(
    "/{file_id}",
    operation_id="deleteFile",
    summary="Delete a file",
    responses=openai_responses(HTTPStatus.NOT_FOUND),
)
async def delete_file(file_id: str, tenant: SubmittingTenant, client: ClientOfApp) -> DeletedFile:
    """Delete the file at once; a batch that reads it goes on."""
    await client.openai.files.delete(tenant, file_id)
    return DeletedFile(id=file_id)
