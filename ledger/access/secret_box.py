"""Secrets at rest, sealed with a key that the ledger's Redis never sees."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ledger.errors import SecretBoxError


def new_encryption_key() -> str:
    """Return a new key for DOCFLEET_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode()


class SecretBox:
    """Sealing and opening of secrets.

    Args:
        keys: Fernet keys, separated by commas: the first one seals, and each one opens. To replace
            a key, put the new one first, reseal all secrets, and then remove the old key. Without
            any key, sealing fails.
    """

    def __init__(self, keys: str) -> None:
        ready = [Fernet(key) for key in _split(keys)]
        self._box = MultiFernet(ready) if ready else None

    def seal(self, secret: str) -> str:
        """Return the secret in sealed form, unreadable without the key.

        Raises:
            SecretBoxError: There is no key.
        """
        return self._open_box().encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Return the secret in plain form.

        Raises:
            SecretBoxError: There is no key, or the secret was sealed with another key.
        """
        try:
            return self._open_box().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SecretBoxError(
                "none of DOCFLEET_ENCRYPTION_KEYS opens it: put back the key that sealed it"
            ) from None

    def reseal(self, sealed: str) -> str:
        """Return the secret sealed with the first key; raise the errors of `unseal`."""
        return self.seal(self.unseal(sealed))

    def _open_box(self) -> MultiFernet:
        if self._box is None:
            raise SecretBoxError(
                "endpoints need a key for their secrets: set DOCFLEET_ENCRYPTION_KEYS"
            )
        return self._box


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]
