"""Files of a finished batch: answers and errors, in the order of its lines."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ledger.openai.batch_record import BatchRecord
from ledger.openai.batches import BatchRecords, LineEnd, line_job_id
from ledger.openai.files import FileRecords
from schemas.failure import Failure, FailureCode
from schemas.ids import result_key
from schemas.job import CHAT_TASK
from schemas.openai.batch import BatchStatus, request_id
from schemas.openai.error import error_body, failure_answer
from schemas.openai.file import FilePurpose, FileSpec, derived_file_id, file_key
from schemas.openai.usage import usage_of
from schemas.result import MAX_RESULT_BYTES, JobResult, Usage
from schemas.states import JobState
from storage.errors import ObjectMissingError
from storage.objects import ObjectStore, Upload
from workers.batch.input import BatchInput
from workers.batch.line import RawLine, ReadLine
from workers.objects import parsed, storage_failures

_READ_AHEAD = 64
_MEDIA_TYPE = "application/jsonl"
_NOT_RUN = {
    BatchStatus.EXPIRED: (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    BatchStatus.CANCELLED: ("batch_cancelled", "The batch was cancelled before this request ran."),
}


@dataclass
class Written:
    """Outcome of writing the files.

    Attributes:
        output: The file of the answers, if there are any.
        errors: The file of everything else, if there is any.
        usage: Tokens of all answers.
    """

    output: str | None = None
    errors: str | None = None
    usage: Usage = field(default_factory=Usage)


class BatchFiles:
    """Writer of the files of batches.

    Args:
        batches: Records of the batches and their lines' jobs.
        files: Records of the files.
        store: Holds results and files.
        work_bucket: Bucket of the files.
        results_bucket: Bucket of the results.
    """

    def __init__(
        self,
        batches: BatchRecords,
        files: FileRecords,
        store: ObjectStore,
        *,
        work_bucket: str,
        results_bucket: str,
    ) -> None:
        self._batches = batches
        self._files = files
        self._store = store
        self._work_bucket = work_bucket
        self._results_bucket = results_bucket

    async def write(self, batch: BatchRecord, source: BatchInput) -> Written:
        """Write both files, over those of an earlier attempt.

        Raises:
            StageError: The store failed.
        """
        ids = [derived_file_id(batch.id, name) for name in ("output", "error")]
        uris = [f"s3://{self._work_bucket}/{file_key(file_id)}" for file_id in ids]
        output, errors = (self._store.open_upload(uri, media_type=_MEDIA_TYPE) for uri in uris)
        written = Written()
        try:
            with storage_failures():
                await self._write_lines(batch, source, output, errors, written)
                if output.size:
                    written.output = await self._keep(batch, ids[0], "output", output)
                if errors.size:
                    written.errors = await self._keep(batch, ids[1], "error", errors)
        except BaseException:
            await asyncio.gather(output.abort(), errors.abort(), return_exceptions=True)
            raise
        return written

    async def _keep(self, batch: BatchRecord, file_id: str, name: str, upload: Upload) -> str:
        await upload.complete()
        spec = FileSpec(
            uri=f"s3://{self._work_bucket}/{file_key(file_id)}",
            filename=f"{batch.id}_{name}.jsonl",
            bytes=upload.size,
            purpose=FilePurpose.BATCH_OUTPUT,
            tenant=batch.spec.tenant,
        )
        await self._files.create(file_id, spec, batch.spec.output_seconds)
        return file_id

    async def _write_lines(
        self,
        batch: BatchRecord,
        source: BatchInput,
        output: Upload,
        errors: Upload,
        written: Written,
    ) -> None:
        """Write lines, and read some ahead to hide the store's delay."""
        async for block in source.blocks():
            lines = [(raw, line) for raw, line in block.lines if isinstance(line, ReadLine)]
            ends = await self._batches.line_ends(batch.id, [raw.number for raw, _ in lines])
            todo = iter(zip(lines, ends, strict=True))
            ahead = deque(self._begin(batch, one) for one in islice(todo, _READ_AHEAD))
            while ahead:
                answered, entry, usage = await ahead.popleft()
                ahead.extend(self._begin(batch, one) for one in islice(todo, 1))
                written.usage += usage
                await (output if answered else errors).write(entry)

    def _begin(
        self, batch: BatchRecord, one: tuple[tuple[RawLine, ReadLine], LineEnd]
    ) -> asyncio.Task[tuple[bool, bytes, Usage]]:
        (raw, line), end = one
        return asyncio.create_task(self._entry(batch, raw, line, end))

    async def _entry(
        self, batch: BatchRecord, raw: RawLine, line: ReadLine, end: LineEnd
    ) -> tuple[bool, bytes, Usage]:
        """Return one line of a file: True for an answer, its bytes, and its usage."""
        job_id = line_job_id(batch.id, raw.number)
        if end.state is JobState.SUCCEEDED:
            try:
                body, usage = await self._answer(job_id)
            except ObjectMissingError:
                gone = Failure.of(FailureCode.STORAGE_REFUSED, "The result object was deleted.")
                return False, _failed_line(job_id, line.custom_id, gone), Usage()
            return True, _response_line(job_id, line.custom_id, 200, body), usage
        if line.refusal is not None:
            refusal = line.refusal
            error = error_body(
                400, str(refusal), code=FailureCode.REQUEST_INVALID, param=refusal.param
            )
            return False, _response_line(job_id, line.custom_id, 400, error), Usage()
        if end.failure is not None and end.state is JobState.DEAD:
            return False, _failed_line(job_id, line.custom_id, end.failure), Usage()
        code, message = _NOT_RUN.get(
            batch.ending or BatchStatus.CANCELLED, _NOT_RUN[BatchStatus.CANCELLED]
        )
        return (
            False,
            _line(job_id, line.custom_id, None, {"code": code, "message": message}),
            Usage(),
        )

    async def _answer(self, job_id: str) -> tuple[Any, Usage]:
        uri = f"s3://{self._results_bucket}/{result_key(job_id)}"
        data = await self._store.get(uri, max_bytes=MAX_RESULT_BYTES)
        result = parsed(JobResult, data, uri)
        return result.tasks[CHAT_TASK].data, result.usage


def _failed_line(job_id: str, custom_id: str, failure: Failure) -> bytes:
    return _response_line(job_id, custom_id, *failure_answer(failure))


def _response_line(job_id: str, custom_id: str, status: int, body: Any) -> bytes:
    response = {"status_code": int(status), "request_id": job_id, "body": body}
    return _line(job_id, custom_id, response, None)


def _line(job_id: str, custom_id: str, response: Any, error: Any) -> bytes:
    entry = {
        "id": request_id(job_id),
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def says(written: Written) -> dict[str, str]:
    """Return the fields of the batch's record that describe its files."""
    said = {"output": written.output, "error_output": written.errors}
    fields = {name: value for name, value in said.items() if value is not None}
    return {**fields, "usage": json.dumps(batch_usage(written.usage))}


def batch_usage(usage: Usage) -> dict[str, Any]:
    """Return the tokens of a batch in OpenAI's form."""
    chat = usage_of(usage)
    return {
        "input_tokens": chat["prompt_tokens"],
        "input_tokens_details": chat["prompt_tokens_details"],
        "output_tokens": chat["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": chat["total_tokens"],
    }
