"""The HTTP API's routes to a tenant's callback secret. What they do is in callbacks/secrets.py."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from producer.http.dependencies import ClientOfApp, OperatedTenant, ReadTenant
from producer.http.problem import EVERYWHERE, documented
from schemas.webhooks.callback_secret import CallbackSecretInfo
from schemas.webhooks.endpoint import NewSecret, SecretRotation

callback_secret = APIRouter(
    prefix="/v1/callback-secret",
    tags=["callbacks"],
    responses={**EVERYWHERE, **documented(HTTPStatus.CONFLICT)},
)


@callback_secret.get(
    "",
    operation_id="getCallbackSecret",
    summary="What signs the callbacks that jobs name",
    response_model_exclude_none=True,
)
async def get_callback_secret(client: ClientOfApp, tenant: ReadTenant) -> CallbackSecretInfo:
    """When each secret in use was made and until when it signs; never a secret itself."""
    return await client.callback_secrets.show(tenant)


@callback_secret.post(
    "/rotate",
    operation_id="rotateCallbackSecret",
    summary="Make the tenant's callback secret, or a new one",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def rotate_callback_secret(
    client: ClientOfApp, tenant: OperatedTenant, how: SecretRotation | None = None
) -> NewSecret:
    """Shown this once; events carry both signatures until the overlap is over."""
    return await client.callback_secrets.rotate(tenant, how or SecretRotation())
