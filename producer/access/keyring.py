"""The keyring: makes, verifies and revokes API keys."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic
from typing import NamedTuple

from ledger.access.api_keys import ApiKeys
from ledger.errors import LedgerError, MakerRevokedError
from producer.access.principal import BOOTSTRAP, Principal
from producer.access.throttle import Throttle
from producer.audit_trail import Actor, AuditTrail, acting
from producer.errors import UnauthorizedError, UnknownApiKeyError
from schemas.api_key import ApiKey, ApiKeyRequest, NewApiKey
from schemas.audit import AuditAction

_KEY = re.compile(r"df_([0-9a-f]{12})_([0-9a-f]{48})")
_TRUSTED_SECONDS = 3
"""Seconds for which a verified key is not looked up again; a revoked key may work that long."""
_TRUSTED_KEYS = 4096
_STRONG_KEY_LENGTH = 32


class _Trusted(NamedTuple):
    principal: Principal
    until: float


class _Looked(NamedTuple):
    works: bool
    until: float


class Keyring:
    """API keys of a fleet.

    Args:
        keys: The keys' records.
        audit: Records keys that are made, revoked and refused.
        bootstrap_key: The key that needs no ledger; None when there is none.
    """

    def __init__(
        self, keys: ApiKeys, audit: AuditTrail, *, bootstrap_key: str | None = None
    ) -> None:
        self._keys = keys
        self._audit = audit
        self._throttle = Throttle()
        self._bootstrap = _digest(bootstrap_key) if bootstrap_key else None
        # Nobody can guess a long key, so failures of others must not lock out its holder.
        self._is_guessable = len(bootstrap_key or "") < _STRONG_KEY_LENGTH
        self._trusted_keys = _TRUSTED_KEYS
        self._trusted: OrderedDict[str, _Trusted] = OrderedDict()
        self._looked: OrderedDict[str, _Looked] = OrderedDict()

    async def create(self, asked: ApiKeyRequest, maker: Principal = BOOTSTRAP) -> NewApiKey:
        """Make a new key, and return it; it is never shown again.

        Args:
            asked: Tenant, scopes and expiry of the key.
            maker: The principal that asks for it; the operator by default.

        Raises:
            ForbiddenError: The key would open more than its maker's, or work longer.
            UnauthorizedError: The maker's key was revoked.
            TooManyKeysError: The tenant has its maximum number of keys.
            LedgerFullError: Redis has no memory left.
            LedgerUnavailableError: Redis does not answer.
        """
        asked = maker.key_within(asked, datetime.now(UTC))
        key_id, secret = secrets.token_hex(6), secrets.token_hex(24)
        try:
            made = await self._keys.add(
                key_id,
                _digest(secret),
                asked,
                maker=None if maker.key_id == BOOTSTRAP.key_id else maker.key_id,
            )
        except MakerRevokedError as error:
            raise UnauthorizedError(str(error)) from error
        opens = f"{' '.join(made.scopes)}; expires {made.expires_at or 'never'}"
        await self._audit.record(
            AuditAction.KEY_CREATED, tenant=made.tenant, target=key_id, detail=opens
        )
        return NewApiKey(**made.model_dump(), key=f"df_{key_id}_{secret}")

    async def each(self, tenant: str | None = None) -> list[ApiKey]:
        """Return all valid keys, the oldest first.

        Args:
            tenant: Only the keys of this tenant; None for all.
        """
        return [key for key in await self._keys.each() if tenant in {None, key.tenant}]

    async def revoke(
        self, key_id: str, tenant: str | None = None, *, keep_made: bool = False
    ) -> list[str]:
        """Revoke a key and all keys that it made; return the ids of those that worked.

        Other processes that have just verified one of them accept it for some seconds more.

        Args:
            key_id: The key's public half.
            tenant: Tenant that the key must belong to; None for any.
            keep_made: True when the keys that it made keep working.

        Raises:
            UnknownApiKeyError: There is no such key.
        """
        stored = await self._keys.find(key_id)
        mine = stored is not None and tenant in {None, stored.key.tenant}
        revoked = await self._keys.remove(key_id, keep_made=keep_made) if mine else {}
        if key_id not in revoked:
            raise UnknownApiKeyError(f"there is no key {key_id}")
        for digest, trusted in list(self._trusted.items()):
            if trusted.principal.key_id in revoked:
                del self._trusted[digest]
        for one, whose in revoked.items():
            detail = "" if one == key_id else f"with {key_id}, which made it"
            await self._audit.record(
                AuditAction.KEY_REVOKED, tenant=whose, target=one, detail=detail
            )
        return list(revoked)

    async def principal(self, sent: str, address: str | None = None) -> Principal | None:
        """Return the principal of a key; None for an unknown or revoked key.

        Args:
            sent: The text that was sent as a key.
            address: The sender's address.

        Raises:
            TooManyAttemptsError: The key is not valid, and too many others came before it.
            LedgerUnavailableError: Redis does not answer.
        """
        digest = _digest(sent)
        trusted = self._trusted.get(digest)
        if trusted is not None and trusted.until > monotonic():
            return trusted.principal
        if self._is_guessable and trusted is None and _KEY.fullmatch(sent) is None:
            self._throttle.check(_place(address))
        principal = await self._look_up(sent, digest)
        if principal is None:
            self._trusted.pop(digest, None)
            await self._refused(sent, address)
        else:
            self._trust(digest, principal)
        return principal

    async def works(self, principal: Principal) -> bool:
        """Return whether a principal's key still works; the answer may be some seconds old.

        One look serves all waiting requests of a key. A Redis that does not answer revokes nothing.
        """
        if principal.key_id == BOOTSTRAP.key_id:
            return True
        looked = self._looked.get(principal.key_id)
        if looked is not None and looked.until > monotonic():
            return looked.works
        # Set before the look, so that other requests do not look meanwhile.
        self._note(principal.key_id, works=looked is None or looked.works)
        try:
            works = await self._keys.find(principal.key_id) is not None
        except LedgerError:
            return True
        self._note(principal.key_id, works=works)
        return works

    def _note(self, key_id: str, *, works: bool) -> None:
        self._looked[key_id] = _Looked(works, monotonic() + _TRUSTED_SECONDS)
        self._looked.move_to_end(key_id)
        while len(self._looked) > self._trusted_keys:
            self._looked.popitem(last=False)

    async def _look_up(self, sent: str, digest: str) -> Principal | None:
        if self._bootstrap is not None and hmac.compare_digest(digest, self._bootstrap):
            return BOOTSTRAP
        parts = _KEY.fullmatch(sent)
        if parts is None:
            return None
        key_id, secret = parts.groups()
        stored = await self._keys.find(key_id)
        if stored is None or not hmac.compare_digest(stored.digest, _digest(secret)):
            return None
        with suppress(LedgerError):  # a full Redis must not refuse a valid key
            await self._keys.mark_used(key_id)
        key = stored.key
        principal = Principal(key_id, key.tenant, frozenset(key.scopes), expires_at=key.expires_at)
        return principal.acting_for(None)

    async def _refused(self, sent: str, address: str | None) -> None:
        """Count a refused key, for its address and for the key whose id it has."""
        parts = _KEY.fullmatch(sent)
        key_id = parts[1] if parts else ""
        counted = [_place(address), *([f"key {key_id}"] if key_id else [])]
        for one in counted:
            self._throttle.check(one)
        with acting(Actor("nobody", address)):
            await self._audit.record(AuditAction.KEY_REFUSED, target=key_id)
            for one in counted:
                if self._throttle.failed(one):
                    await self._audit.record(AuditAction.KEY_THROTTLED, target=one)

    def _trust(self, digest: str, principal: Principal) -> None:
        self._trusted[digest] = _Trusted(principal, monotonic() + _TRUSTED_SECONDS)
        self._trusted.move_to_end(digest)
        while len(self._trusted) > self._trusted_keys:
            self._trusted.popitem(last=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _place(address: str | None) -> str:
    """Return the name under which an address is counted; an IPv6 /64 network counts as one."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return f"address {address}"
    return f"address {ip_network((ip, 64), strict=False) if isinstance(ip, IPv6Address) else ip}"
