"""Errors of the workers; each states in one line what happened."""

from __future__ import annotations

from schemas.failure import Failure, FailureCode


class WorkerError(Exception):
    """Base of the errors that a worker raises on purpose."""


class StageError(WorkerError):
    """An attempt failed for a reason that has a code.

    Attributes:
        failure: The reason.
        outage_seconds: Seconds for which the object store has been failing, if that is the reason.
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
    """Base of the errors that an engine raises on purpose."""


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
    """The attempt cannot go on for now, and is not to blame.

    Attributes:
        seconds: Seconds that its record should wait.
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
