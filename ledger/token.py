"""Nonces: fencing tokens, and marks that tell a repeated call from a new one."""

from __future__ import annotations

import secrets


def new_token() -> str:
    """Return sixteen new hex digits."""
    return secrets.token_hex(8)
