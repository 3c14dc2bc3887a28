"""Errors of the OpenAI-compatible services, each with its HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from producer.errors import ProducerError

NO_RETRY = {"x-should-retry": "false"}
"""Headers that stop the automatic retry of OpenAI's clients."""


class OpenAiError(ProducerError):
    """An error that the client gets as an answer.

    Attributes:
        status: HTTP status.
        code: Stable name of the error.
        param: The parameter that is wrong.
        headers: Further headers.
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
    """Return the error for an unknown id."""
    return OpenAiError(
        HTTPStatus.NOT_FOUND, f"There is no {kind} {record_id!r}.", code=f"{kind}_not_found"
    )
