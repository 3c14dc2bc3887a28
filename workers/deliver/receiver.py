"""Receivers of deliveries: a job's own callback or an endpoint, with its signing secrets."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from ledger.record import from_unix_ms
from ledger.webhooks.endpoints import EndpointRecords
from schemas.failure import FailureCode
from schemas.webhooks.delivery import DeliverySpec
from schemas.webhooks.endpoint import EndpointState
from settings.sections.callbacks import CallbackSettings
from workers.deliver.signers import Signers
from workers.errors import StageError


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receiver of one attempt.

    Attributes:
        url: URL of the POST.
        secrets: Secrets, each of which signs.
        tls: Trusted roots and the certificate to show; None for the system's roots and no
            certificate.
        failing_since: Time since which an endpoint has acknowledged nothing.
    """

    url: str
    secrets: Sequence[str]
    tls: ssl.SSLContext | None = None
    failing_since: datetime | None = None


class Receivers:
    """Finds the present receiver of a delivery.

    Args:
        settings: Folder of the certificates, and whether receivers need TLS.
        signers: The secrets that sign.
        endpoints: Endpoints of tenants.
    """

    def __init__(
        self, settings: CallbackSettings, signers: Signers, endpoints: EndpointRecords
    ) -> None:
        self._settings = settings
        self._signers = signers
        self._endpoints = endpoints

    async def of(self, spec: DeliverySpec, at_ms: int) -> Receiver:
        """Return the receiver of a delivery.

        Args:
            spec: Spec of the delivery.
            at_ms: Time of the attempt, Unix milliseconds.

        Raises:
            StageError: The endpoint is disabled or deleted, docfleet has no secret for it, or it
                lacks the TLS that the fleet requires.
        """
        now = from_unix_ms(at_ms)
        if spec.endpoint is None:
            secrets = await self._signers.of_callback(spec, now)
            return Receiver(self._checked(str(spec.url)), secrets, self._tls(None))
        stored = await self._endpoints.get(spec.endpoint)
        if stored is None or stored.endpoint.state is EndpointState.DISABLED:
            what = "disabled" if stored else "no more"
            raise StageError(FailureCode.DELIVERY_DISABLED, f"{spec.endpoint} is {what}.")
        endpoint = stored.endpoint
        return Receiver(
            self._checked(stored.url),
            self._signers.opened(stored.secrets, now),
            self._tls(endpoint.client_certificate, endpoint.tenant),
            endpoint.failing_since,
        )

    def _checked(self, url: str) -> str:
        if self._settings.https_only and not url.startswith("https://"):
            raise StageError(
                FailureCode.DELIVERY_FORBIDDEN, "The receiver has no TLS: nothing was sent."
            )
        return url

    def _tls(self, certificate: str | None, tenant: str = "") -> ssl.SSLContext | None:
        folder, authorities = self._settings.certificates_dir, self._settings.ca_file
        if certificate is None:
            return _tls_context(None, authorities, 0) if authorities else None
        path = None if folder is None else folder / tenant / f"{certificate}.pem"
        try:
            if path is None:
                raise FileNotFoundError("[callbacks] certificates_dir is not set")
            return _tls_context(path, authorities, path.stat().st_mtime_ns)
        except (OSError, ssl.SSLError) as error:
            raise StageError(
                FailureCode.DELIVERY_UNSIGNED,
                f"The client certificate {certificate!r} cannot be used: {error}.",
            ) from error


@lru_cache(maxsize=64)
def _tls_context(
    certificate: Path | None,
    authorities: Path | None,
    _modified: int,
) -> ssl.SSLContext:
    """Return one context for all connections with the same certificate, until its file changes."""
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(authorities)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context
