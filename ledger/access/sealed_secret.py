"""A signing secret as Redis keeps it: sealed, and with the time until which it signs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from schemas.contract import Contract
from schemas.webhooks.endpoint import SecretInfo, SecretKind


class SealedSecret(Contract):
    """A signing secret as Redis keeps it."""

    kind: SecretKind
    sealed: str
    created_at: datetime
    expires_at: datetime | None = Field(default=None, description="When it was rotated out.")
    public_key: str | None = None

    def alive(self, at: datetime) -> bool:
        """Return whether events are still signed with it."""
        return self.expires_at is None or self.expires_at > at


def write_secrets(secrets: Iterable[SealedSecret]) -> str:
    """Return the text that Redis keeps."""
    return json.dumps([one.model_dump(mode="json", exclude_none=True) for one in secrets])


def read_secrets(text: str) -> tuple[SealedSecret, ...]:
    """Return the secrets of a text that `write_secrets` made."""
    return tuple(SealedSecret.model_validate(one) for one in json.loads(text))


def shown_secrets(secrets: Iterable[SealedSecret], at: datetime) -> tuple[SecretInfo, ...]:
    """Return the part of the secrets in use that a tenant may see."""
    return tuple(
        SecretInfo.model_validate(one.model_dump(exclude={"sealed"}))
        for one in secrets
        if one.alive(at)
    )
