"""Routes to documents, which producer/uploads.py and producer/deletion.py implement."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from producer.http.dependencies import ClientOfApp, OperatedTenant, RoomOfApp, Submits
from producer.http.problem import EVERYWHERE, documented
from producer.http.submission import FORM_TYPE, receive_document
from schemas.document import S3Uri, StoredDocument

_BYTES = {"contentMediaType": "application/octet-stream"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {}},
            "application/pdf": {"schema": {}},
            "text/plain": {"schema": {"type": "string", "minLength": 1}},
            FORM_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {"file": _BYTES},
                }
            },
        },
    }
}

documents = APIRouter(
    prefix="/v1/documents",
    tags=["documents"],
    responses=EVERYWHERE,
)


class DeletedDocument(BaseModel):
    """Count of what went with a document."""

    deleted_jobs: int


@documents.delete(
    "",
    operation_id="deleteDocument",
    summary="Delete all that is kept of a document",
    responses=documented(
        HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY
    ),
)
async def delete_document(
    client: ClientOfApp,
    tenant: OperatedTenant,
    uri: Annotated[S3Uri | None, Query(description="Where it lies.")] = None,
    sha256: Annotated[
        str | None, Query(pattern=r"^[0-9a-f]{64}$", description="Of its bytes.")
    ] = None,
) -> DeletedDocument:
    """Delete the tenant's jobs of the document, and its bytes if they were uploaded.

    Name it by exactly one of `uri` and `sha256`. An object in a bucket of your own stays.
    """
    deleted = await client.deletion.document(tenant, uri=uri, sha256=sha256)
    return DeletedDocument(deleted_jobs=deleted)


@documents.post(
    "",
    operation_id="uploadDocument",
    summary="Upload a document that jobs can name",
    status_code=HTTPStatus.CREATED,
    openapi_extra=_BODY,
    responses=documented(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def upload_document(
    request: Request,
    client: ClientOfApp,
    room: RoomOfApp,
    asker: Submits,
    name: Annotated[
        str | None, Query(max_length=255, description="The file name; its suffix is kept.")
    ] = None,
) -> StoredDocument:
    """Store a document: the body, or the field `file` of a form; it is stored as it arrives.

    The same bytes of the same tenant always have the same URI.
    """
    return await receive_document(request, client, room, asker, name)
