"""Routes to API keys, which producer/access/keyring.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from producer.http.dependencies import Administers, ClientOfApp
from producer.http.pages import ApiList
from producer.http.problem import EVERYWHERE, documented
from schemas.api_key import ApiKey, ApiKeyRequest, NewApiKey

_EXAMPLES = {
    "submits": {
        "summary": "A claims system that submits and reads",
        "value": {"label": "claims", "tenant": "acme", "scopes": ["submit", "read"]},
    },
}

KeyId = Annotated[str, Path(examples=["0f3a9c41d2b7"])]
KeepMade = Annotated[bool, Query(description="Whether the keys that it made go on working.")]

api_keys = APIRouter(
    prefix="/v1/keys",
    tags=["keys"],
    responses=EVERYWHERE,
)


class ApiKeyList(ApiList[ApiKey]):
    """All valid keys, the oldest first."""


@api_keys.post(
    "",
    operation_id="createKey",
    summary="Create a key",
    status_code=HTTPStatus.CREATED,
    response_model_exclude_none=True,
    responses={
        201: {
            "links": {
                "revokeKey": {
                    "operationId": "revokeKey",
                    "parameters": {"key_id": "$response.body#/id"},
                }
            }
        },
        **documented(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    },
)
async def create_key(
    body: Annotated[ApiKeyRequest, Body(openapi_examples=_EXAMPLES)],
    client: ClientOfApp,
    asker: Administers,
) -> NewApiKey:
    """Create a key, and show it this once; it can do no more than the key that asks."""
    return await client.keyring.create(body, asker)


@api_keys.get(
    "", operation_id="listKeys", summary="List the keys", response_model_exclude_none=True
)
async def list_keys(client: ClientOfApp, asker: Administers) -> ApiKeyList:
    """List the valid keys; no key's secret is shown."""
    return ApiKeyList(data=await client.keyring.each(asker.tenant))


@api_keys.delete(
    "/{key_id}",
    operation_id="revokeKey",
    summary="Revoke a key",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def revoke_key(
    key_id: KeyId, client: ClientOfApp, asker: Administers, *, keep_made: KeepMade = False
) -> None:
    """Revoke a key and all keys that it made; they stop working within three seconds."""
    await client.keyring.revoke(key_id, asker.tenant, keep_made=keep_made)
