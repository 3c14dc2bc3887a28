"""The secret that signs the callbacks of a tenant's jobs, as the tenant sees it."""

from __future__ import annotations

from pydantic import Field

from schemas.contract import Contract
from schemas.job import TenantName
from schemas.webhooks.endpoint import SecretInfo


class CallbackSecretInfo(Contract):
    """The secrets that sign a tenant's callbacks; never the secrets themselves."""

    tenant: TenantName
    secrets: tuple[SecretInfo, ...] = Field(
        default=(),
        description="In use now, the newest first; while there is none, jobs name no callback.",
    )
