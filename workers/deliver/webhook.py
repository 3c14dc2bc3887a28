"""Sending of one webhook over HTTP, and the meaning of the receiver's answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic

import aiohttp
from aiohttp.abc import AbstractResolver

from workers.deliver.egress import EgressGuard, was_forbidden

_ANSWER_BYTES = 1024
_BODY_SECONDS = 2
"""Maximum seconds for the answer's text after its status, which is what counts."""
_ACKNOWLEDGED = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_THROTTLED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of the receiver.

    Attributes:
        status: HTTP status, or None when no answer came.
        text: The first KB of the answer, or the reason why there was none.
        latency_ms: Milliseconds from the first dialled byte to the status, or to the end of the
            attempt.
        retry_after_seconds: Seconds that a throttling receiver asks to wait.
        forbidden: True when the guard kept the request from being sent.
    """

    status: int | None
    text: str
    latency_ms: int = 0
    retry_after_seconds: float = 0
    forbidden: bool = False

    @property
    def acknowledged(self) -> bool:
        """Tell whether the receiver took the event; a redirect is a refusal."""
        return self.status in _ACKNOWLEDGED

    @property
    def gone(self) -> bool:
        """Tell whether the receiver wants no more events."""
        return self.status == HTTPStatus.GONE


class WebhookSender:
    """One HTTP session for all deliveries of a worker. Use it on one event loop.

    Args:
        guard: Rule for the addresses of deliveries.
        timeout_seconds: Maximum seconds of one request.
        resolver: Resolves names; the system's resolver by default.
    """

    def __init__(
        self,
        guard: EgressGuard,
        *,
        timeout_seconds: float,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._session = aiohttp.ClientSession(
            connector=guard.connector(resolver),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "content-type": "application/json",
                "user-agent": "docfleet",
                "accept-encoding": "identity",
            },
            auto_decompress=False,
            trust_env=False,
        )

    async def send(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """POST a signed body; raise nothing for errors of the receiver or the network.

        Args:
            url: URL of the receiver.
            body: The signed body.
            headers: Headers with the signature.
            tls: Trusted roots and the certificate to show; the system's roots and no certificate by
                default.
        """
        began = monotonic()
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False, ssl=tls or True
            ) as response:
                latency_ms = _since(began)
                return Answer(
                    response.status,
                    await _first_text(response),
                    latency_ms,
                    _retry_after(response),
                )
        except aiohttp.InvalidURL:
            return Answer(None, "No such address.", forbidden=True)
        except TimeoutError:
            return Answer(None, "No answer in time.", _since(began))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            words = f"{type(error).__name__}: {_without_url(error)}"
            return Answer(None, words, _since(began), forbidden=was_forbidden(error))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _first_text(response: aiohttp.ClientResponse) -> str:
    data = b""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_BODY_SECONDS):
            while len(data) < _ANSWER_BYTES:
                more = await response.content.read(_ANSWER_BYTES - len(data))
                if not more:
                    break
                data += more
    return data.decode(errors="replace").replace("\0", "")


def _retry_after(response: aiohttp.ClientResponse) -> float:
    """Return the seconds that the receiver asks to wait; 0 for none or an invalid value."""
    said = response.headers.get("retry-after", "")
    if response.status not in _THROTTLED or not said:
        return 0
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return 0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _without_url(error: Exception) -> str:
    """Return an error's message; an answer that is no HTTP would quote the whole URL."""
    return error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
