"""Route to uploaded documents, which producer/uploads.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from producer.http.dependencies import ClientOfApp, RoomOfApp, Submits
from producer.http.problem import EVERYWHERE, documented
from producer.http.submission import FORM_TYPE, receive_document
from schemas.document import StoredDocument

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
