"""Errors that the OpenAI-compatible services raise, with the status that a client gets."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from producer.errors import ProducerError

NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients would send the request again by themselves."""


class OpenAiError(ProducerError):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        code: Its stable name.
        param: The parameter concerned.
        headers: More headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = headers


def not_found(kind: str, record_id: str) -> OpenAiError:
    """There is none of this id."""
    return OpenAiError(
        HTTPStatus.NOT_FOUND, f"There is no {kind} {record_id!r}.", code=f"{kind}_not_found"
    )
