"""Calls of boto3: made in threads, repeated when useful, with docfleet's errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    ParamValidationError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from storage.errors import (
    BadAnswerError,
    ObjectExistsError,
    ObjectForbiddenError,
    ObjectMissingError,
    StorageError,
    StorageUnavailableError,
)
from storage.health import StoreHealth

_T = TypeVar("_T")
_MISSING = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NoSuchUpload"}
_FORBIDDEN = {"AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict"}
_GARBLED = {"BadDigest", "IncompleteBody", "InvalidPart"}
"""Codes of requests that arrived damaged."""
_TRY_AGAIN = {"SlowDown", "RequestTimeout", "Throttling", *_GARBLED}
_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.1
_BROKEN_OFF = (ResponseStreamingError, IncompleteReadError, FlexibleChecksumError)
_NONSENSE = (ResponseParserError, OSError, LookupError, ValueError, TypeError)
"""Errors of boto3 and of docfleet about invalid answers: no XML, a missing header, a bad number."""


class S3Calls:
    """Calls for one store.

    boto3 repeats calls without an answer or with a server error. This class repeats calls whose
    answers are cut off or invalid.

    Args:
        threads: Maximum calls at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._health = StoreHealth()

    async def run(self, uri: str, call: Callable[[], _T]) -> _T:
        """Make a call; it may be made more than once.

        Args:
            uri: URI for the error's message.
            call: Function that calls boto3 and returns the needed part of the answer.

        Raises:
            StorageUnavailableError: There is no answer, or no valid one.
            StorageError: The store answered with an error.
        """
        tries = 0
        while True:
            try:
                return await self._run_once(uri, call)
            except BadAnswerError:
                tries += 1
                if tries == _TRIES:
                    raise
            # Random pause: calls that failed together must not be repeated together.
            pause = _FIRST_PAUSE_SECONDS * 2**tries * random.random()  # noqa: S311  # no secret
            await asyncio.sleep(pause)

    async def _run_once(self, uri: str, call: Callable[[], _T]) -> _T:
        def guarded() -> _T:
            with _explained(uri):
                return call()

        try:
            result = await asyncio.get_running_loop().run_in_executor(self._threads, guarded)
        except StorageUnavailableError as error:
            self._health.note(is_answered=False)
            error.outage_seconds = self._health.outage_seconds
            raise
        except StorageError:
            self._health.note(is_answered=True)
            raise
        self._health.note(is_answered=True)
        return result

    def close(self) -> None:
        """Close the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Translate errors of boto3, and those that it raises over odd answers."""
    try:
        yield
    except ClientError as error:
        raise _translated(uri, error) from error
    except ParamValidationError as error:
        raise ObjectMissingError(f"{uri}: nothing can have that name: {error}") from error
    except _BROKEN_OFF as error:
        raise BadAnswerError(f"{uri}: {error}") from error
    except BotoCoreError as error:
        raise StorageUnavailableError(f"{uri}: {error}") from error
    except _NONSENSE as error:
        words = f"the store's answer makes no sense ({type(error).__name__}: {error})"
        raise BadAnswerError(f"{uri}: {words}") from error


def _translated(uri: str, error: ClientError) -> StorageError:
    said, status = error.response.get("Error", {}), status_of(error)
    code = str(said.get("Code", ""))
    message = f"{uri}: {code} {said.get('Message', '')}".strip()
    # The status replaces the code when the answer is no XML: to HEAD, or an HTML page.
    has_no_code = code == str(status)
    is_servers = status >= HTTPStatus.INTERNAL_SERVER_ERROR and code != "NotImplemented"
    if is_servers or code in _TRY_AGAIN:
        return StorageUnavailableError(message)
    if status == HTTPStatus.PRECONDITION_FAILED or code in _EXISTS:
        return ObjectExistsError(message)
    if has_no_code and (error.operation_name != "HeadObject" or is_page(error.response)):
        return BadAnswerError(message)
    if code in _MISSING or (has_no_code and status == HTTPStatus.NOT_FOUND):
        return ObjectMissingError(message)
    if code in _FORBIDDEN or (has_no_code and status == HTTPStatus.FORBIDDEN):
        return ObjectForbiddenError(message)
    return StorageError(message)


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an answer."""
    answer = error.response.get("ResponseMetadata", {})
    return int(answer.get("HTTPStatusCode", HTTPStatus.INTERNAL_SERVER_ERROR))


def is_page(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer is an HTML page."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-type", "")).startswith("text/html")


def is_missing(error: ClientError) -> bool:
    """Return whether an answer to HEAD says that there is no object."""
    return status_of(error) == HTTPStatus.NOT_FOUND
