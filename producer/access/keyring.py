"""The keyring: makes keys, knows who sent one, and takes them back."""

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
"""How long a verified key is not looked up again, and so how long a revoked one may still work."""
_TRUSTED_KEYS = 4096
_STRONG_KEY_LENGTH = 32


class _Trusted(NamedTuple):
    principal: Principal
    until: float


class _Looked(NamedTuple):
    works: bool
    until: float


class Keyring:
    """The keys of a fleet.

    Args:
        keys: Where they are kept.
        audit: Told of keys that are made, taken back and refused.
        bootstrap_key: The one that needs no ledger; None where there is none.
    """

    def __init__(
        self, keys: ApiKeys, audit: AuditTrail, *, bootstrap_key: str | None = None
    ) -> None:
        self._keys = keys
        self._audit = audit
        self._throttle = Throttle()
        self._bootstrap = _digest(bootstrap_key) if bootstrap_key else None
        # A key that nobody can guess is looked at whoever failed before: nobody is locked out.
        self._is_guessable = len(bootstrap_key or "") < _STRONG_KEY_LENGTH
        self._trusted_keys = _TRUSTED_KEYS
        self._trusted: OrderedDict[str, _Trusted] = OrderedDict()
        self._looked: OrderedDict[str, _Looked] = OrderedDict()

    async def create(self, asked: ApiKeyRequest, maker: Principal = BOOTSTRAP) -> NewApiKey:
        """Make a new key; this is the one time that it is shown.

        Args:
            asked: What it is to be.
            maker: On whose word; an operator's unless given.

        Raises:
            ForbiddenError: The key would open more than its maker's, or work longer.
            UnauthorizedError: The maker's key was revoked.
            TooManyKeysError: The tenant has as many as it may have.
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
        """Iterate over all valid keys, the oldest first.

        Args:
            tenant: Only this one's; None for all.
        """
        return [key for key in await self._keys.each() if tenant in {None, key.tenant}]

    async def revoke(
        self, key_id: str, tenant: str | None = None, *, keep_made: bool = False
    ) -> list[str]:
        """Take a key back, and all keys that it made; gives the ids of those that worked.

        Other processes that have just seen one of them believe it some seconds longer.

        Args:
            key_id: Its public half.
            tenant: Whose key it has to be; None for anybody's.
            keep_made: Whether the keys that it made go on working.

        Raises:
            UnknownApiKeyError: There is none.
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
        """Return the principal of a key; None for a key that is unknown or revoked.

        Args:
            sent: What is to be a key.
            address: Where it came from.

        Raises:
            TooManyAttemptsError: It is none, and too many such came before it.
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
        """Return whether a principal's key still works, as it was some seconds ago at most.

        One look serves all requests of a key that wait. Redis that does not answer revokes nothing.
        """
        if principal.key_id == BOOTSTRAP.key_id:
            return True
        looked = self._looked.get(principal.key_id)
        if looked is not None and looked.until > monotonic():
            return looked.works
        # Before the look, so that others do not look meanwhile.
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
        with suppress(LedgerError):  # a full Redis is no reason to turn anybody away
            await self._keys.mark_used(key_id)
        key = stored.key
        principal = Principal(key_id, key.tenant, frozenset(key.scopes), expires_at=key.expires_at)
        return principal.acting_for(None)

    async def _refused(self, sent: str, address: str | None) -> None:
        """Count a key that opens nothing, for its address and for the key that it is to be."""
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
    """Return what an address is counted as: of IPv6, a whole network is one customer's."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return f"address {address}"
    return f"address {ip_network((ip, 64), strict=False) if isinstance(ip, IPv6Address) else ip}"
