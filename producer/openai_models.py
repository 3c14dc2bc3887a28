"""The routes of `/v1/models`: base models of the pools, and adapters."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from producer.api_parameters import ClientOfApp, requires
from producer.openai_error import OpenAiRoute, not_found
from schemas.api_key import Scope
from settings.chat_models import ChatModel

models = APIRouter(prefix="/v1/models", tags=["openai"], route_class=OpenAiRoute)


@models.get(
    "",
    dependencies=[requires(Scope.READ)],
    operation_id="listModels",
    summary="The models that chats can ask for",
)
async def list_models(client: ClientOfApp) -> dict[str, Any]:
    """Base models first; `parent` names the base of an adapter."""
    return {"object": "list", "data": [_model(one) for one in client.openai.models.all()]}


@models.get(
    "/{name:path}",
    dependencies=[requires(Scope.READ)],
    operation_id="getModel",
    summary="One model",
)
async def get_model(name: str, client: ClientOfApp) -> dict[str, Any]:
    """By its name, or by the source of a base model."""
    found = client.openai.models.get(name)
    if found is None:
        raise not_found("model", name)
    return _model(found)


def _model(model: ChatModel) -> dict[str, Any]:
    parent = {"parent": model.base} if model.adapter is not None else {}
    return {"id": model.name, "object": "model", "created": 0, "owned_by": "docfleet", **parent}
