"""Nonces: fencing tokens, and what tells a replayed call from a new one."""

from __future__ import annotations

import secrets


def new_token() -> str:
    """Sixteen hex digits that nobody has used."""
    return secrets.token_hex(8)
