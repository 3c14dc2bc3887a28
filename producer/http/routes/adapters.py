"""Routes to the registry of adapters, which producer/adapter_registry.py implements."""

from __future__ import annotations

import asyncio
import tempfile
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from producer.http.adapter_form import read_adapter_form
from producer.http.dependencies import AdministersFleet, ClientOfApp, Reads, RoomOfApp
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from producer.http.submission import FORM_TYPE, JSON_TYPE
from schemas.adapter import AdapterEntry, AdapterFilter

_ADD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["request", "config", "weights"],
                    "additionalProperties": False,
                    "properties": {
                        "request": {"$ref": "#/components/schemas/AdapterTerms"},
                        "config": {"contentMediaType": JSON_TYPE},
                        "weights": {"contentMediaType": "application/octet-stream"},
                    },
                },
                "encoding": {"request": {"contentType": JSON_TYPE}},
            },
        },
    }
}
_NOT_FOUND = documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)

AdapterInPath = Annotated[
    str, Path(examples=["fnol-lora@3"], max_length=96, description="`NAME@VERSION`.")
]

adapters = APIRouter(prefix="/v1/adapters", tags=["adapters"], responses=EVERYWHERE)


class AdapterQuery(PageQuery, AdapterFilter):
    """Filter and page of adapters."""


class AdapterList(ApiPage[AdapterEntry]):
    """A page of adapters, the newest first."""


@adapters.post(
    "",
    operation_id="addAdapter",
    summary="Add an adapter to the registry",
    status_code=HTTPStatus.CREATED,
    response_model=AdapterEntry,
    response_model_exclude_none=True,
    openapi_extra=_ADD_BODY,
    responses=documented(
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
)
async def add_adapter(
    request: Request,
    client: ClientOfApp,
    room: RoomOfApp,
    asker: AdministersFleet,
    response: Response,
) -> AdapterEntry:
    """Check an adapter against the fleet's base models and store it; jobs can name it at once.

    The form has the fields `request`, `config` (`adapter_config.json`) and `weights`
    (`adapter_model.safetensors`). The same adapter again changes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="docfleet-adapter-") as place:
        folder = FilePath(place) / "adapter"
        await asyncio.to_thread(folder.mkdir)
        terms = await read_adapter_form(request, room, asker, folder)
        entry = await client.adapters.add_own(folder, terms, shown=f"{terms.name}@{terms.version}")
    response.headers["Location"] = f"/v1/adapters/{entry.ref}"
    return entry


@adapters.get(
    "",
    operation_id="listAdapters",
    summary="The adapters of the registry",
    response_model=AdapterList,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_adapters(
    query: Annotated[AdapterQuery, Query()], client: ClientOfApp, _asker: Reads
) -> Response:
    """List the adapters that meet all conditions, the newest first."""
    page = await client.adapters.page(query, after=query.cursor, limit=query.limit)
    return page_response(page)


@adapters.get(
    "/{adapter}",
    operation_id="getAdapter",
    summary="One adapter",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def get_adapter(adapter: AdapterInPath, client: ClientOfApp, _asker: Reads) -> AdapterEntry:
    """Return an adapter: its digest, its base, its task and its state."""
    return await client.adapters.get(adapter)


@adapters.post(
    "/{adapter}/promote",
    operation_id="promoteAdapter",
    summary="Make an adapter the default of its task",
    response_model_exclude_none=True,
    responses={**_NOT_FOUND, **documented(HTTPStatus.CONFLICT)},
)
async def promote_adapter(
    adapter: AdapterInPath, client: ClientOfApp, _asker: AdministersFleet
) -> AdapterEntry:
    """Let new jobs that name no adapter run on this one; jobs in flight stay as they are."""
    return await client.adapters.promote(adapter)


@adapters.post(
    "/{adapter}/retire",
    operation_id="retireAdapter",
    summary="Let no new job run on an adapter",
    response_model_exclude_none=True,
    responses=_NOT_FOUND,
)
async def retire_adapter(
    adapter: AdapterInPath, client: ClientOfApp, _asker: AdministersFleet
) -> AdapterEntry:
    """Refuse new jobs that name the adapter; jobs in flight still run on it."""
    return await client.adapters.retire(adapter)
