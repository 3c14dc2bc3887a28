"""Trials of schemas before the engine compiles them, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from schemas.json_schema.cost import costliest_place
from settings.environment import server_environment
from settings.sections.limits import LimitSettings
from workers.engine.vllm.grammar_child import Verdict
from workers.errors import RequestFailedError

log = structlog.get_logger(__name__)

_START = (
    "import sys; sys.path.append(sys.argv[1]);"
    "from workers.engine.vllm.grammar_child import main; main()"
)
_WALL_PER_CPU = 12
"""Wall seconds for each CPU second: a busy machine gives a process only a part of its time."""
_FRONT_SECONDS = 2.0
_TOKEN_SECONDS = 0.02
_START_SECONDS = 300
_ENDED = "The process that compiles grammars ended."
_FOLDER = Path(__file__).parents[3]


class Grammars:
    """Judges schemas with the vocabulary of one engine; its process starts with the first schema.

    Args:
        vocabulary: A TokenizerInfo of xgrammar, in JSON.
        limits: Maximum cost of one schema.
    """

    def __init__(self, vocabulary: str, limits: LimitSettings) -> None:
        self._limits = limits
        self._wall_seconds = limits.grammar_cpu_seconds * _WALL_PER_CPU
        self._header = {
            "parent": os.getpid(),
            "vocabulary": vocabulary,
            "limits": {
                "cpu_seconds": limits.grammar_cpu_seconds,
                "memory_bytes": limits.grammar_memory_bytes,
                "wall_seconds": self._wall_seconds,
                "front_seconds": _FRONT_SECONDS,
                "token_seconds": _TOKEN_SECONDS,
            },
        }
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ids = count()
        self._asked: dict[int, asyncio.Future[dict[str, str]]] = {}

    async def problem(self, schema: Mapping[str, Any]) -> str | None:
        """Return why the engine should not see a schema, with the place; None when it may.

        Raises:
            RequestFailedError: There is no answer: the machine was too busy, or the process ended.
        """
        process = await self._running()
        number = next(self._ids)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        request = json.dumps({"id": number, "schema": json.dumps(schema)}).encode()
        try:
            assert process.stdin is not None  # noqa: S101  # it was asked for
            process.stdin.write(request + b"\n")
            await process.stdin.drain()
            async with asyncio.timeout(_START_SECONDS + self._wall_seconds):
                told = await answer
        except OSError as error:
            raise RequestFailedError(_ENDED) from error
        except TimeoutError as error:
            raise RequestFailedError("The process that compiles grammars does not answer.") from (
                error
            )
        finally:
            self._asked.pop(number, None)
        return self._explained(schema, told["verdict"], told["words"])

    def _explained(self, schema: Mapping[str, Any], verdict: str, words: str) -> str | None:
        limits = self._limits
        match verdict:
            case Verdict.TAKEN:
                return None
            case Verdict.UNDECIDED:
                raise RequestFailedError(f"The schema could not be compiled in time: {words}.")
            case Verdict.REFUSED:
                return f"#: the engine cannot make a grammar of the schema: {words}"
            case Verdict.TIME:
                cost = f"takes more than {limits.grammar_cpu_seconds} s to compile"
            case Verdict.MEMORY:
                cost = f"takes more than {limits.grammar_memory_bytes:,} bytes to compile"
            case _:
                cost = f"takes more than {_TOKEN_SECONDS * 1000:g} ms at each token of an answer"
        place = costliest_place(schema)
        return f"{place}: the grammar of the schema {cost}, and most of it is due to this place"

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await self._start()
            return self._process

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-c",
            _START,
            str(_FOLDER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # It compiles strangers' schemas, and needs no secret and no device for that.
            env=server_environment({"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}),
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101  # it was asked for
        process.stdin.write(json.dumps(self._header).encode() + b"\n")
        self._reading = asyncio.create_task(self._read(process))
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass on the verdicts until the process ends."""
        assert process.stdout is not None  # noqa: S101  # it was asked for
        async for line in process.stdout:
            told = json.loads(line)
            answer = self._asked.get(told["id"])
            if answer is not None and not answer.done():
                answer.set_result(told)
        await process.wait()
        log.warning("the process that compiles grammars ended", status=process.returncode)
        error = RequestFailedError(_ENDED)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(error)

    async def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if self._reading is not None:
            self._reading.cancel()
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
