"""Signing keys, written as Standard Webhooks has it."""

from __future__ import annotations

SECRET_PREFIX = "whsec_"  # noqa: S105  # what a secret begins with
"""Of base64 of the bytes that both sides know, for v1."""

PRIVATE_KEY_PREFIX = "whsk_"
"""Of base64 of an Ed25519 private key's 32 bytes, for v1a; never leaves docfleet."""

PUBLIC_KEY_PREFIX = "whpk_"
"""Of base64 of its public key's 32 bytes."""
