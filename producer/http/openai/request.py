"""Requests of the OpenAI-compatible routes: new ones and repeated ones."""

from __future__ import annotations

import hashlib

from fastapi import Request

_RETRIES = "x-stainless-retry-count"


def is_repeated(request: Request) -> bool:
    """Tell whether the client got no answer and sends the request again.

    OpenAI's clients send no idempotency key, and send a POST up to three times.
    """
    count = request.headers.get(_RETRIES, "0")
    return count.isdecimal() and bool(count.strip("0"))  # int() reads at most 4,300 digits


def digest_of(request: Request, body: bytes) -> str:
    """Return a digest that is the same for a repeated request."""
    return hashlib.sha256(f"{request.url.path}\0".encode() + body).hexdigest()
