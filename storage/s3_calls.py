"""Calls of boto3: made in a pool of threads, tried again, their errors told in our words."""

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
"""Our bytes did not arrive as they were sent."""
_TRY_AGAIN = {"SlowDown", "RequestTimeout", "Throttling", *_GARBLED}
_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.1
_BROKEN_OFF = (ResponseStreamingError, IncompleteReadError, FlexibleChecksumError)
_NONSENSE = (ResponseParserError, OSError, LookupError, ValueError, TypeError)
"""Raised by boto3, and by us, over answers that are none: no XML, no such header, no number."""


class S3Calls:
    """Makes calls, for one store.

    boto3 itself tries again what was not answered or is a server's error; here that is done with
    answers that break off or make no sense.

    Args:
        threads: The most calls at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._health = StoreHealth()

    async def run(self, uri: str, call: Callable[[], _T]) -> _T:
        """Make a call; it may be made more than once.

        Args:
            uri: What it is about, for the error's message.
            call: Calls boto3, and takes what it needs out of the answer.

        Raises:
            StorageUnavailableError: There is no answer, or none that makes sense.
            StorageError: What the store answered.
        """
        tries = 0
        while True:
            try:
                return await self._run_once(uri, call)
            except BadAnswerError:
                tries += 1
                if tries == _TRIES:
                    raise
            # Spread: those that failed together must not come again together.
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
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn errors of boto3, and of what it makes of odd answers, into ours."""
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
    # The status stands for the code where the answer is no XML: one to HEAD, or a stranger's page.
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
    """The HTTP status of an answer."""
    answer = error.response.get("ResponseMetadata", {})
    return int(answer.get("HTTPStatusCode", HTTPStatus.INTERNAL_SERVER_ERROR))


def is_page(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer is a page for people."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-type", "")).startswith("text/html")


def is_missing(error: ClientError) -> bool:
    """Return whether an answer to HEAD says that no object lies there."""
    return status_of(error) == HTTPStatus.NOT_FOUND
