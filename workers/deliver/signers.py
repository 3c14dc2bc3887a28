"""Secrets that sign a delivery: an endpoint's, its tenant's or the fleet's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ledger.access.callback_secrets import CallbackSecrets
from ledger.access.sealed_secret import SealedSecret
from ledger.access.secret_box import SecretBox
from ledger.errors import SecretBoxError
from schemas.failure import FailureCode
from schemas.job import DEFAULT_TENANT
from schemas.webhooks.delivery import DeliverySpec
from workers.errors import StageError


class Signers:
    """Secrets in use; each of several signs.

    Args:
        fleet: Secrets for the default tenant, and for the callback of the fleet's operator.
        tenants: Secrets for receivers that jobs of other tenants name.
        box: Opens sealed secrets.
    """

    def __init__(self, fleet: Sequence[str], tenants: CallbackSecrets, box: SecretBox) -> None:
        self._fleet = fleet
        self._tenants = tenants
        self._box = box

    async def of_callback(self, spec: DeliverySpec, now: datetime) -> Sequence[str]:
        """Return the secrets for a job's own callback.

        Raises:
            StageError: The tenant has no secret, or none that can be opened.
        """
        if spec.of_fleet or spec.tenant == DEFAULT_TENANT:
            return self._fleet
        found = self.opened((await self._tenants.get(spec.tenant)).secrets, now)
        if not found:
            raise StageError(
                FailureCode.DELIVERY_UNSIGNED,
                f"The tenant {spec.tenant} has no callback secret: make one with"
                f" `docfleet callback-secret rotate --tenant {spec.tenant}`.",
            )
        return found

    def opened(self, sealed: Iterable[SealedSecret], now: datetime) -> Sequence[str]:
        """Return the secrets that are in use.

        Raises:
            StageError: A secret cannot be opened.
        """
        try:
            return [self._box.unseal(one.sealed) for one in sealed if one.alive(now)]
        except SecretBoxError as error:
            raise StageError(FailureCode.DELIVERY_UNSIGNED, f"{error}.") from error
