"""A batch's input file: its lines, read in blocks, and the errors of the file as a whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

from ledger.openai.batch_record import Place
from schemas.document import S3Uri
from schemas.openai.batch import BatchError
from settings.chat_models import ChatModels
from settings.sections.openai import OpenAiSettings
from storage.objects import ObjectStore
from workers.batch.line import RawLine, ReadLine, read_line
from workers.batch.turns import Turns
from workers.objects import storage_failures

_BLOCK_BYTES = 2 * 2**20
_MOST_ERRORS = 50
_TURN_SECONDS = 0.25
"""Maximum seconds of one turn, but for its last line: schemas may take long to check."""
_MARK = b"\xef\xbb\xbf"
"""Mark that some editors write at the beginning of a file."""


@dataclass
class Survey:
    """Survey of a file.

    Attributes:
        total: Number of requests.
        refused: Number of requests that are not served.
        errors: Errors of the file; with any, none of it may run.
        models: Models that the requests name.
    """

    total: int = 0
    refused: int = 0
    errors: list[BatchError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Block:
    """Block of consecutive lines of the file.

    Attributes:
        lines: Lines in order, without blank ones.
        after: Start of the next block.
    """

    lines: Sequence[tuple[RawLine, ReadLine | BatchError]]
    after: Place


class BatchInput:
    """One input file, never in memory as a whole.

    Args:
        store: Holds the file.
        uri: The file's URI.
        endpoint: Endpoint of the batch.
        models: Models that can be asked.
        settings: Limits.
        turns: At the processor.
        tenant: The owner of the file.
    """

    def __init__(
        self,
        store: ObjectStore,
        uri: S3Uri,
        endpoint: str,
        models: ChatModels,
        settings: OpenAiSettings,
        *,
        turns: Turns,
        tenant: str,
    ) -> None:
        self._turns = turns
        self._tenant = tenant
        self._store = store
        self._uri = uri
        self._endpoint = endpoint
        self._models = models
        self._settings = settings

    async def survey(self) -> Survey:
        """Read the whole file once.

        Raises:
            StageError: The file cannot be read.
        """
        survey, seen = Survey(), set[bytes]()
        async for block in self.blocks():
            await asyncio.to_thread(self._look, block, survey, seen)
            if len(survey.errors) >= _MOST_ERRORS or survey.total > self._settings.batch_lines:
                break
        if survey.total > self._settings.batch_lines:
            most = self._settings.batch_lines
            survey.errors.append(
                BatchError(code="too_many_requests", message=f"A batch has {most:,} at the most.")
            )
        if survey.total == 0 and not survey.errors:
            survey.errors.append(BatchError(code="empty_file", message="The file has no requests."))
        return survey

    def _look(self, block: Block, survey: Survey, seen: set[bytes]) -> None:
        for raw, line in block.lines:
            survey.total += 1
            if isinstance(line, BatchError):
                survey.errors.append(line)
            else:
                survey.refused += line.queue is None
                # Store digests: a custom_id may be long, and there may be many.
                digest = hashlib.blake2b(line.custom_id.encode(), digest_size=16).digest()
                if digest in seen:
                    survey.errors.append(_repeated(raw.number, line.custom_id))
                seen.add(digest)
            if len(survey.errors) >= _MOST_ERRORS:
                return

    async def blocks(self, start: Place | None = None) -> AsyncIterator[Block]:
        """Yield blocks of the lines from a place on.

        Raises:
            StageError: The file cannot be read.
        """
        place = start or Place()
        rest, fetched = b"", place.offset
        while True:
            with storage_failures():
                data = await self._store.get_range(self._uri, fetched, _BLOCK_BYTES)
            fetched += len(data)
            last = len(data) < _BLOCK_BYTES
            raws, place, rest = self._split(rest + data, place, last=last)
            yield Block(await self._read(raws), place)
            if last:
                return

    def _split(
        self, data: bytes, place: Place, *, last: bool
    ) -> tuple[list[RawLine], Place, bytes]:
        """Return the lines that end in the data, the start of the next line, and the rest."""
        lines = []
        number, offset, start = place.line, place.offset, 0
        while start < len(data):
            end = data.find(b"\n", start)
            if end < 0:
                if not last and len(data) - start <= self._settings.line_bytes:
                    break
                end = len(data)
            number += 1
            after = min(end + 1, len(data))
            raw = _raw(number, offset + start, data[start:end], offset + after)
            start = after
            if raw is not None:
                lines.append(raw)
        return lines, Place(number, offset + start), data[start:]

    async def _read(self, raws: list[RawLine]) -> list[tuple[RawLine, ReadLine | BatchError]]:
        """Read lines, in turn with other tenants'."""
        lines: list[tuple[RawLine, ReadLine | BatchError]] = []
        while len(lines) < len(raws):
            async with self._turns.turn(self._tenant):
                lines += await asyncio.to_thread(self._read_some, raws[len(lines) :])
        return lines

    def _read_some(self, raws: list[RawLine]) -> list[tuple[RawLine, ReadLine | BatchError]]:
        """Read one line at least, and as many as there is time for."""
        lines: list[tuple[RawLine, ReadLine | BatchError]] = []
        stop_at = monotonic() + _TURN_SECONDS
        for raw in raws:
            lines.append((raw, self._read_line(raw)))
            if monotonic() > stop_at:
                break
        return lines

    def _read_line(self, raw: RawLine) -> ReadLine | BatchError:
        if len(raw.data) > self._settings.line_bytes:
            most = self._settings.line_bytes
            return BatchError(
                code="line_too_long",
                message=f"A line has {most:,} bytes at the most.",
                line=raw.number,
            )
        return read_line(raw, self._endpoint, self._models)


def _raw(number: int, offset: int, data: bytes, after: int) -> RawLine | None:
    """Return a line without the white space around its JSON; None for a blank line."""
    if offset == 0 and data.startswith(_MARK):
        offset, data = len(_MARK), data[len(_MARK) :]
    data = data.rstrip()
    return RawLine(number, offset, data, after) if data else None


def _repeated(number: int, custom_id: str) -> BatchError:
    return BatchError(
        code="duplicate_custom_id",
        message=f"The custom_id {custom_id!r} is another line's already.",
        line=number,
        param="custom_id",
    )
