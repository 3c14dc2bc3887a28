"""Routes of `/v1/models`: base models of the pools, and adapters."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from pydantic import Field

from producer.http.dependencies import ClientOfApp, requires
from producer.http.openai.route import openai_responses, openai_router
from producer.openai.errors import not_found
from schemas.api_key import Scope
from schemas.openai.list import Listed, OpenAiList
from settings.chat_models import ChatModel

models = openai_router("/v1/models")


class ModelObject(Listed):
    """A model in the form that OpenAI's clients read."""

    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "docfleet"
    parent: str | None = Field(default=None, description="The base model of an adapter.")


@models.get(
    "",
    dependencies=[requires(Scope.READ)],
    operation_id="listModels",
    summary="The models that chats can ask for",
    response_model_exclude_none=True,
)
async def list_models(client: ClientOfApp) -> OpenAiList[ModelObject]:
    """List the models, base models first."""
    return OpenAiList[ModelObject](data=[_model(one) for one in client.openai.models.all()])


@models.get(
    "/{name:path}",
    dependencies=[requires(Scope.READ)],
    operation_id="getModel",
    summary="One model",
    response_model_exclude_none=True,
    responses=openai_responses(HTTPStatus.NOT_FOUND),
)
async def get_model(name: str, client: ClientOfApp) -> ModelObject:
    """Return a model by its name, or by the source of a base model."""
    found = client.openai.models.get(name)
    if found is None:
        raise not_found("model", name)
    return _model(found)


def _model(model: ChatModel) -> ModelObject:
    return ModelObject(id=model.name, parent=None if model.adapter is None else model.base)
