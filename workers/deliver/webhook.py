"""Sending one webhook over HTTP, and what the receiver's answer means."""

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
"""The status is what counts: for the text after it nobody waits longer."""
_ACKNOWLEDGED = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_THROTTLED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of the receiver.

    Attributes:
        status: HTTP status, or None when no answer came.
        text: The first KB of the answer, or why there was none.
        latency_ms: From the first byte dialled to the status, or to giving up.
        retry_after_seconds: How long a receiver that is throttling wants to be left alone.
        forbidden: Whether the guard kept the request from being sent.
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
        guard: Says where a delivery may go.
        timeout_seconds: For one whole request.
        resolver: Looks names up; the system's unless one is given.
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
        """POST a signed body; never raises for what the receiver or the network does.

        Args:
            url: Of the receiver.
            body: What was signed.
            headers: The signature among them.
            tls: Whom to trust, and the certificate to show; the system's roots and none by default.
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
        """Let the connections go."""
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
    """Seconds that the receiver asks for; 0 when it does not, or says nonsense."""
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
    """Return an error's words; those of an answer that is no HTTP would quote the whole URL."""
    return error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
