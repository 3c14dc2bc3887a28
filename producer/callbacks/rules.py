"""Rules for callbacks of jobs and batches."""

from __future__ import annotations

from pydantic import HttpUrl

from producer.callbacks.secrets import CallbackSecrets
from producer.errors import RequestError
from schemas.job import Callback, KeptCallback
from settings.fleet import FleetSettings
from settings.sections.callbacks import CallbackSettings


def check_scheme(url: HttpUrl, settings: CallbackSettings) -> None:
    """Raise RequestError for a receiver without TLS when the fleet requires TLS."""
    if settings.https_only and url.scheme != "https":
        raise RequestError("this fleet sends webhooks to https:// alone: name such a receiver")


class CallbackRules:
    """Choice of the callback of a job or a batch.

    Args:
        settings: The fleet's.
        secrets: Secrets of the tenants.

    Attributes:
        default: The fleet's own callback, for jobs that name none.
    """

    def __init__(self, settings: FleetSettings, secrets: CallbackSecrets) -> None:
        self._settings = settings.callbacks
        self._secrets = secrets
        url = settings.callback_url
        self.default = KeptCallback.model_validate({"url": url, "of_fleet": True}) if url else None

    async def kept(self, tenant: str, asked: Callback | None) -> KeptCallback | None:
        """Return the callback as the ledger keeps it.

        Args:
            tenant: The owner of the job or batch.
            asked: The callback that the request names; None means the fleet's.

        Raises:
            RequestError: The fleet takes no callbacks, requires TLS, or has no secret to sign with.
        """
        if asked is None:
            return self.default
        if self._settings.registered_only:
            raise RequestError(
                "callback: this fleet tells registered endpoints alone: register one at"
                " /v1/endpoints or with `docfleet endpoints add`, and name no callback"
            )
        check_scheme(asked.url, self._settings)
        if not await self._secrets.exists(tenant):
            raise RequestError(
                f"callback: the tenant {tenant} has no callback secret to sign with: make one with"
                " POST /v1/callback-secret/rotate, or with"
                f" `docfleet callback-secret rotate --tenant {tenant}`"
            )
        return KeptCallback(url=asked.url, payload=asked.payload)
