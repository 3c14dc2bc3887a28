"""Signing secrets: made, sealed, and rotated out with an overlap."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ledger.access.sealed_secret import SealedSecret
from ledger.access.secret_box import SecretBox
from schemas.webhooks.endpoint import NewSecret, SecretKind, SecretRotation
from schemas.webhooks.signing import PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, SECRET_PREFIX

_SECRET_BYTES = 48
"""Bytes of a secret, a multiple of three: some verifiers cannot read base64 that needs padding."""
_MOST_OLD = 6
"""Maximum old secrets beside the new one: each adds a signature to the header of an event."""


def new_secrets(box: SecretBox, *, v1a: bool = False) -> tuple[NewSecret, list[SealedSecret]]:
    """Make a secret, with a key pair beside it when `v1a` is wanted.

    Returns:
        The secret as it is shown this once, and as Redis keeps it.

    Raises:
        SecretBoxError: There is no key to seal it with.
    """
    now = datetime.now(UTC)
    secret = SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = [SealedSecret(kind=SecretKind.V1, sealed=box.seal(secret), created_at=now)]
    public = None
    if v1a:
        private, public = _new_key_pair()
        sealed.append(
            SealedSecret(
                kind=SecretKind.V1A, sealed=box.seal(private), created_at=now, public_key=public
            )
        )
    return NewSecret(secret=secret, public_key=public), sealed


def rotated_out(
    box: SecretBox, old: Iterable[SealedSecret], how: SecretRotation
) -> list[SealedSecret]:
    """Return the old secrets that still sign, each until the overlap ends.

    Only the newest go on signing when there are very many.

    Raises:
        SecretBoxError: No key opens one of them.
    """
    now = datetime.now(UTC)
    until = now + timedelta(seconds=how.overlap_seconds)
    return [
        one.model_copy(
            update={
                "sealed": box.reseal(one.sealed),
                "expires_at": min(one.expires_at or until, until),
            }
        )
        for one in [one for one in old if one.alive(now)][:_MOST_OLD]
    ]


def resealed(box: SecretBox, old: Iterable[SealedSecret]) -> list[SealedSecret]:
    """Return the same secrets, sealed with the first key.

    Raises:
        SecretBoxError: No key opens one of them.
    """
    return [one.model_copy(update={"sealed": box.reseal(one.sealed)}) for one in old]


def _new_key_pair() -> tuple[str, str]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return (
        PRIVATE_KEY_PREFIX + b64encode(private).decode(),
        PUBLIC_KEY_PREFIX + b64encode(public).decode(),
    )
