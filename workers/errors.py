"""Errors of the workers; each says in one line what happened."""

from __future__ import annotations

from schemas.failure import Failure, FailureCode


class WorkerError(Exception):
    """Anything that a worker raises on purpose."""


class StageError(WorkerError):
    """An attempt failed for a reason that has a code.

    Attributes:
        failure: The reason.
        outage_seconds: How long the object store has been unwell, where that is the reason.
    """

    def __init__(
        self,
        code: FailureCode,
        message: str,
        task: str | None = None,
        *,
        outage_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure.of(code, message, task)
        self.outage_seconds = outage_seconds


class EngineError(WorkerError):
    """Anything that an engine raises on purpose."""


class EngineStartError(EngineError):
    """The engine cannot start as configured."""


class DeviceBusyError(EngineStartError):
    """The device has no room for the engine, for now."""


class EngineDiedError(EngineError):
    """The engine is gone, and every request in flight with it."""

    def __init__(self, message: str, *, out_of_memory: bool = False) -> None:
        super().__init__(message)
        self.out_of_memory = out_of_memory


class PageTextGoneError(WorkerError):
    """The page text of a document was deleted: the document has to be read again."""


class PostponedError(WorkerError):
    """The attempt cannot go on for now, by no fault of its own.

    Attributes:
        seconds: How long its record should wait.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class GateClosedError(WorkerError):
    """The engine is gone, and this request had not reached it."""


class PromptTooLongError(EngineError):
    """Prompt and answer do not fit the model's context."""


class RequestRefusedError(EngineError):
    """The engine does not accept the request."""


class RequestFailedError(EngineError):
    """The engine failed this request and lives on."""


class AdapterRefusedError(EngineError):
    """The engine cannot load the adapter."""
