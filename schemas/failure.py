"""Failures as data: a stable code, a class and a remedy for each."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from schemas.contract import Contract


class FailureClass(StrEnum):
    """Class of a failure: it decides whether a retry can help."""

    PERMANENT = "permanent"
    """The same input fails the same way: a dead letter at once."""
    TRANSIENT = "transient"
    """Something around the job failed: try again with backoff, then a dead letter."""


class FailureCode(StrEnum):
    """Public, stable names; `FAILURES` gives each its meaning, class and remedy."""

    DOCUMENT_MISSING = "document.missing"
    DOCUMENT_CHANGED = "document.changed"
    DOCUMENT_FORBIDDEN = "document.forbidden"
    DOCUMENT_EMPTY = "document.empty"
    DOCUMENT_TOO_LARGE = "document.too_large"
    DOCUMENT_TOO_LONG = "document.too_long"
    DOCUMENT_UNSUPPORTED = "document.unsupported"
    DOCUMENT_ENCRYPTED = "document.encrypted"
    DOCUMENT_CORRUPT = "document.corrupt"
    DOCUMENT_NO_TEXT = "document.no_text"
    DOCUMENT_UNREAD_PAGES = "document.unread_pages"
    DOCUMENT_EXHAUSTING = "document.exhausting"
    TASK_UNKNOWN = "task.unknown"
    ADAPTER_MISSING = "adapter.missing"
    ADAPTER_INVALID = "adapter.invalid"
    OUTPUT_TRUNCATED = "output.truncated"
    OUTPUT_INVALID = "output.invalid"
    OUTPUT_TOO_LARGE = "output.too_large"
    REQUEST_INVALID = "request.invalid"
    ENGINE_REFUSED = "engine.refused"
    ENGINE_CRASHED = "engine.crashed"
    ENGINE_OUT_OF_MEMORY = "engine.out_of_memory"
    ENGINE_ERROR = "engine.error"
    REQUEST_TIMEOUT = "request.timeout"
    STORAGE_UNAVAILABLE = "storage.unavailable"
    STORAGE_REFUSED = "storage.refused"
    WORKER_KILLED = "worker.killed"
    WORKER_ERROR = "worker.error"
    QUEUE_UNDELIVERABLE = "queue.undeliverable"
    DELIVERY_REFUSED = "delivery.refused"
    DELIVERY_UNREACHABLE = "delivery.unreachable"
    DELIVERY_GONE = "delivery.gone"
    DELIVERY_FORBIDDEN = "delivery.forbidden"
    DELIVERY_DISABLED = "delivery.disabled"
    DELIVERY_UNSIGNED = "delivery.unsigned"


ENGINE_DEATHS = frozenset({FailureCode.ENGINE_CRASHED, FailureCode.ENGINE_OUT_OF_MEMORY})
"""What takes all requests in flight along."""


class FailureInfo(NamedTuple):
    """Meaning of a failure code, for the person who reads it."""

    failure_class: FailureClass
    meaning: str
    remedy: str


_P, _T = FailureClass.PERMANENT, FailureClass.TRANSIENT
_C = FailureCode

FAILURES: dict[FailureCode, FailureInfo] = {
    _C.DOCUMENT_MISSING: FailureInfo(
        _P,
        "No object lies at the document's URI.",
        "Upload the document under that URI, then redrive.",
    ),
    _C.DOCUMENT_CHANGED: FailureInfo(
        _P,
        "The version of the document that was accepted was overwritten or deleted before it was "
        "read.",
        "Submit the document as it is now, unless that is a job already; a bucket with versions "
        "keeps what is overwritten.",
    ),
    _C.DOCUMENT_FORBIDDEN: FailureInfo(
        _P,
        "The object store does not let docfleet read the document.",
        "Grant docfleet's credentials s3:GetObject on the document, and s3:GetObjectVersion in a "
        "bucket with versions, then redrive.",
    ),
    _C.DOCUMENT_EMPTY: FailureInfo(
        _P, "The document has no bytes.", "Upload the document again; this copy holds nothing."
    ),
    _C.DOCUMENT_TOO_LARGE: FailureInfo(
        _P,
        "The document has more bytes or pages than the limits allow.",
        "Split the document, or raise [limits] in fleet.toml.",
    ),
    _C.DOCUMENT_TOO_LONG: FailureInfo(
        _P,
        "Document, instructions and answer do not fit the context of any pool's model.",
        "Split the document, or give a pool a larger max_model_len.",
    ),
    _C.DOCUMENT_UNSUPPORTED: FailureInfo(
        _P,
        "The document is of a type that docfleet does not read.",
        "Send it as PDF, or in another format of docs/documents.md; what counts is the content, "
        "not the file's name.",
    ),
    _C.DOCUMENT_ENCRYPTED: FailureInfo(
        _P,
        "The document asks for a password.",
        "Save the document without a password and submit that copy.",
    ),
    _C.DOCUMENT_CORRUPT: FailureInfo(
        _P,
        "The document is damaged and cannot be opened.",
        "Open it in its own program, save it again, and submit that copy.",
    ),
    _C.DOCUMENT_NO_TEXT: FailureInfo(
        _P,
        "No page of the document has text, or none that OCR could read.",
        "Send a clearer scan; where [ocr] is off in fleet.toml, turn it on.",
    ),
    _C.DOCUMENT_UNREAD_PAGES: FailureInfo(
        _P,
        "Pages of the document could not be read, and the task does not go on without them.",
        "Send these pages with text or as clearer scans, or set the task's unread_pages: partial.",
    ),
    _C.DOCUMENT_EXHAUSTING: FailureInfo(
        _P,
        "Reading the document ran into the sandbox's memory, CPU or time limit.",
        "Save the document in a simpler form, or raise [limits] in fleet.toml.",
    ),
    _C.TASK_UNKNOWN: FailureInfo(
        _P,
        "The worker knows no task of that name.",
        "Deploy the task's file to the workers, then submit the document again.",
    ),
    _C.ADAPTER_MISSING: FailureInfo(
        _P,
        "The adapter is not where the task's file or the registry says, or lacks a file.",
        "Put it where the task's file says, or add it to the registry again; then redrive.",
    ),
    _C.ADAPTER_INVALID: FailureInfo(
        _P,
        "The adapter does not fit the pool's base model, or a worker's copy of it was changed.",
        "Redrive after a change: the copy was removed. Else train it on this base, within the "
        "pool's max_lora_rank, as another version.",
    ),
    _C.OUTPUT_TRUNCATED: FailureInfo(
        _P,
        "The model used up its output tokens before its answer was complete.",
        "Raise limits.max_output_tokens of the task, or bound its strings and arrays.",
    ),
    _C.OUTPUT_INVALID: FailureInfo(
        _P,
        "The model's answer does not satisfy the task's schema.",
        "Compare the kept answer with the schema; change the schema or the instructions.",
    ),
    _C.OUTPUT_TOO_LARGE: FailureInfo(
        _P,
        "The results of the job's tasks have more bytes than a result object may have.",
        "Lower limits.max_output_tokens of the tasks, or submit them as several jobs.",
    ),
    _C.REQUEST_INVALID: FailureInfo(
        _P,
        "The chat request cannot be served as it is written.",
        "Read the message: it names the parameter; correct it and send the request again.",
    ),
    _C.ENGINE_REFUSED: FailureInfo(
        _P,
        "The engine does not accept the request.",
        "Read the message: it is the engine's own; correct the task that it names.",
    ),
    _C.ENGINE_CRASHED: FailureInfo(
        _T,
        "The engine died while it ran this job alone, and not for want of memory that is known.",
        "Look into the worker's log for the cause, then redrive; another pool may live through it.",
    ),
    _C.ENGINE_OUT_OF_MEMORY: FailureInfo(
        _T,
        "The engine ran out of memory while it ran this job alone.",
        "Redrive to a pool with more memory, or split the document.",
    ),
    _C.ENGINE_ERROR: FailureInfo(
        _T,
        "The engine failed this request and lives on.",
        "Look into the worker's log; submit the document again when the cause is mended.",
    ),
    _C.REQUEST_TIMEOUT: FailureInfo(
        _T,
        "The engine did not answer within the task's time limit.",
        "Raise limits.timeout_seconds of the task, or lower the pool's concurrency.",
    ),
    _C.STORAGE_UNAVAILABLE: FailureInfo(
        _T,
        "The object store did not answer properly, again and again, though it answered others.",
        "See that another S3 client can read and write what the message names, then redrive.",
    ),
    _C.STORAGE_REFUSED: FailureInfo(
        _T,
        "The object store refuses what docfleet reads or writes for itself.",
        "See that the work and results buckets exist and that docfleet may read and write them.",
    ),
    _C.WORKER_KILLED: FailureInfo(
        _T,
        "The worker's process died each time that it ran this job and no other.",
        "Look for the kernel's out-of-memory killer; give the worker more memory, then redrive.",
    ),
    _C.WORKER_ERROR: FailureInfo(
        _T,
        "The worker met an error that it has no name for.",
        "Report the message and the worker's log; it is a defect of docfleet.",
    ),
    _C.QUEUE_UNDELIVERABLE: FailureInfo(
        _T,
        "The job's message was sent again and again and no worker took it.",
        "See that a worker of this docfleet version serves the queue.",
    ),
    _C.DELIVERY_REFUSED: FailureInfo(
        _T,
        "The receiver answered, but not with a 2xx status, until the schedule ended.",
        "Read the recorded answer, mend the receiver, then fetch the result by its job id.",
    ),
    _C.DELIVERY_UNREACHABLE: FailureInfo(
        _T,
        "No connection to the receiver came about until the schedule ended.",
        "See that the callback URL is right and reachable from the deliver workers.",
    ),
    _C.DELIVERY_GONE: FailureInfo(
        _P,
        "The receiver answered 410: it wants no more events.",
        "Take the callback URL out, or bring the receiver back.",
    ),
    _C.DELIVERY_FORBIDDEN: FailureInfo(
        _P,
        "The receiver's address is private, its port is not open for deliveries, or it has no TLS "
        "where that is demanded: nothing was sent.",
        "Name a public HTTPS receiver; docfleet's operator may open a network and its ports with "
        "[callbacks] allow_networks.",
    ),
    _C.DELIVERY_DISABLED: FailureInfo(
        _P,
        "The endpoint is disabled, or is no more.",
        "Mend the receiver, enable the endpoint, then replay the delivery.",
    ),
    _C.DELIVERY_UNSIGNED: FailureInfo(
        _T,
        "The deliver worker could not sign or identify itself for the receiver.",
        "Make the tenant's callback secret, if it has none; else give every deliver worker "
        "DOCFLEET_ENCRYPTION_KEYS with the key that its secrets were sealed with, and an "
        "endpoint's client certificate.",
    ),
}
"""One entry a code; `docfleet failures` prints it."""


class Failure(Contract):
    """Failure of a job or a delivery."""

    code: FailureCode
    message: str = Field(description="What happened this time, in one sentence.")
    remedy: str = Field(description="What the reader can do about it.")
    task: str | None = Field(default=None, description="The task concerned, if it is one alone.")

    @classmethod
    def of(cls, code: FailureCode, message: str, task: str | None = None) -> Failure:
        """A failure with the remedy that belongs to its code."""
        return cls(code=code, message=message, remedy=FAILURES[code].remedy, task=task)

    @property
    def transient(self) -> bool:
        """Tell whether a retry can help."""
        return FAILURES[self.code].failure_class is FailureClass.TRANSIENT
