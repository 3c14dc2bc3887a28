"""Routes to a tenant's callback secret, which callbacks/secrets.py implements."""

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
    """Return when each secret in use was made and until when it signs; never a secret itself."""
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
    """Make a new secret, shown this once; both secrets sign until the overlap ends."""
    return await client.callback_secrets.rotate(tenant, how or SecretRotation())
