"""The rules for callbacks that jobs and batches name."""

from __future__ import annotations

from pydantic import HttpUrl

from producer.callbacks.secrets import CallbackSecrets
from producer.errors import RequestError
from schemas.job import Callback, KeptCallback
from settings.fleet import FleetSettings
from settings.sections.callbacks import CallbackSettings


def check_scheme(url: HttpUrl, settings: CallbackSettings) -> None:
    """Raise RequestError for a receiver without TLS, where the fleet demands it."""
    if settings.https_only and url.scheme != "https":
        raise RequestError("this fleet sends webhooks to https:// alone: name such a receiver")


class CallbackRules:
    """What becomes of the callback that a job or a batch names, or does not.

    Args:
        settings: The fleet's.
        secrets: Of the tenants.

    Attributes:
        default: The fleet's own callback, which is told of jobs that name none.
    """

    def __init__(self, settings: FleetSettings, secrets: CallbackSecrets) -> None:
        self._settings = settings.callbacks
        self._secrets = secrets
        url = settings.callback_url
        self.default = KeptCallback.model_validate({"url": url, "of_fleet": True}) if url else None

    async def kept(self, tenant: str, asked: Callback | None) -> KeptCallback | None:
        """Return the callback as the ledger keeps it.

        Args:
            tenant: Whose job or batch it is.
            asked: What was named; None takes the fleet's.

        Raises:
            RequestError: The fleet takes none, or none without TLS, or could not sign for it.
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
