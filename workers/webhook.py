"""Sending one webhook over HTTP, and what the receiver's answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

_ANSWER_BYTES = 1024
_ACKNOWLEDGED = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


@dataclass(frozen=True, slots=True)
class Answer:
    """How the receiver took it.

    Attributes:
        status: HTTP status, or None when no answer came.
        text: The first KB of the answer, or why there was none.
    """

    status: int | None
    text: str

    @property
    def acknowledged(self) -> bool:
        """Whether the receiver has taken the event; a redirect is a refusal."""
        return self.status in _ACKNOWLEDGED

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events."""
        return self.status == HTTPStatus.GONE


class WebhookSender:
    """One HTTP session for all deliveries of a worker. Use it on one event loop."""

    def __init__(self, *, timeout_seconds: float) -> None:
        # No bound on connections: claims are bounded, and a slow receiver must not hold a place.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"content-type": "application/json", "user-agent": "docfleet"},
            trust_env=False,
        )

    async def send(self, url: str, body: str, headers: Mapping[str, str]) -> Answer:
        """POST a signed body; never raises for what the receiver or the network does."""
        try:
            async with self._session.post(
                url, data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                text = await response.content.read(_ANSWER_BYTES)
                return Answer(response.status, text.decode(errors="replace"))
        except TimeoutError:
            return Answer(None, "No answer in time.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()
