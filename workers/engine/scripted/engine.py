"""An engine without a model, for tests and drills: fixed latency, answers made from the document.

A line in a document can ask for a fault; faults.py lists them. Nothing here imports vLLM or torch.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from schemas.engine import EngineVersion
from schemas.result import Usage
from workers.engine.context import output_room
from workers.engine.protocol import EngineAnswer, EngineRequest, TokenChoice
from workers.engine.residents import ResidentAdapters
from workers.engine.scripted.answers import scripted_data, scripted_text
from workers.engine.scripted.faults import Fault, read_faults
from workers.errors import EngineDiedError, RequestFailedError, RequestRefusedError
from workers.models.adapter import Adapter

_TOKEN = re.compile(r"\w+|[^\w\s]")


class ScriptedEngine:
    """Answers at a fixed pace, with a fixed number of requests at once; the others wait."""

    def __init__(
        self,
        model: str,
        *,
        seconds_per_token: float = 0,
        max_model_len: int = 8192,
        slots: int = 4,
    ) -> None:
        """Set the pace.

        Args:
            model: Model name in the results.
            seconds_per_token: Latency of each output token.
            max_model_len: Tokens of the context; a word or a mark counts as one token.
            slots: Maximum requests at once.
        """
        self._seconds_per_token = seconds_per_token
        self._max_model_len = max_model_len
        self._slots = slots
        self._version = EngineVersion(
            kind="scripted",
            version="1",
            model=model,
            model_sha256=hashlib.sha256(model.encode()).hexdigest(),
        )
        self._gone: asyncio.Event | None = None
        self._out_of_memory = False
        self._hangs = False

    @property
    def version(self) -> EngineVersion:
        """See Engine."""
        return self._version

    async def start(self) -> None:
        """See Engine."""
        self._gone = asyncio.Event()
        self._hangs = False
        self._gate = asyncio.Semaphore(self._slots)
        self._residents = ResidentAdapters(self._slots, _nothing, _nothing)

    async def schema_problem(self, schema: Mapping[str, Any]) -> str | None:  # noqa: ARG002  # of the protocol
        """See Engine; there is nothing to compile."""
        self._alive()
        return None

    async def generate(self, request: EngineRequest) -> EngineAnswer:
        """See Engine."""
        gone = self._alive()
        prompt = "\n".join(message["content"] for message in request.messages)
        document = _first_question(request)  # the complaint of a repair follows it
        prompt_tokens = _count(prompt)
        most = output_room(prompt_tokens, request.max_tokens, self._max_model_len)
        faults = read_faults(document)
        if Fault.REQUEST_REFUSED in faults.kinds:
            raise RequestRefusedError("The document asked for a refused request.")
        text, complete = _text(request, document, faults.kinds, most)
        output_tokens = _count(text)
        async with self._gate, self._on(request.adapter):
            self._hangs |= Fault.ENGINE_HANGS in faults.kinds
            await self._pass(gone, faults.seconds + output_tokens * self._seconds_per_token)
            if Fault.WORKER_DIES in faults.kinds:
                os.kill(os.getpid(), signal.SIGKILL)
            if faults.kinds & {Fault.ENGINE_DIES, Fault.ENGINE_OUT_OF_MEMORY}:
                self._out_of_memory = Fault.ENGINE_OUT_OF_MEMORY in faults.kinds
                gone.set()
                raise self._death()
        if Fault.REQUEST_FAILS in faults.kinds:
            raise RequestFailedError("The document asked for a failed request.")
        return EngineAnswer(
            text=text,
            finish_reason="stop" if complete else "length",
            usage=Usage(prompt_tokens=prompt_tokens, output_tokens=output_tokens),
            tokens=_choices(text) if request.with_tokens else (),
        )

    @asynccontextmanager
    async def _on(self, adapter: Adapter | None) -> AsyncIterator[None]:
        """Hold an adapter as a real engine would: its files are read and checked."""
        if adapter is None:
            yield
            return
        async with self._residents.using(adapter):
            yield

    def _alive(self) -> asyncio.Event:
        if self._gone is None or self._gone.is_set():
            raise EngineDiedError("The engine is not running.")
        return self._gone

    async def _pass(self, gone: asyncio.Event, seconds: float) -> None:
        """Wait, unless the engine dies meanwhile; wait for its end if it hangs."""
        try:
            async with asyncio.timeout(seconds):
                await gone.wait()
        except TimeoutError:
            if not self._hangs:
                return
            await gone.wait()
        raise self._death()

    def _death(self) -> EngineDiedError:
        cause = "it ran out of memory" if self._out_of_memory else "a document asked for it"
        return EngineDiedError(f"The engine died: {cause}.", out_of_memory=self._out_of_memory)

    async def stop(self) -> None:
        """See Engine."""
        if self._gone is not None:
            self._gone.set()


def _text(
    request: EngineRequest, document: str, faults: frozenset[Fault], most: int
) -> tuple[str, bool]:
    """Return the answer, and whether it is complete."""
    if Fault.INVALID_OUTPUT in faults:
        return '["invalid-output"]', True
    if request.schema is None:
        text = scripted_text(document)
    else:
        data = scripted_data(request.schema, document)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    ends_at = [place for stop in request.sampling.stop if (place := text.find(stop)) >= 0]
    text = text[: min(ends_at)] if ends_at else text
    ends = [match.end() for match in _TOKEN.finditer(text)]
    most = min(most, len(ends))
    if Fault.TRUNCATED_OUTPUT in faults:
        most = min(most, len(ends) // 2)
    complete = most == len(ends)
    return (text, True) if complete else (text[: ends[most - 1] if most else 0], False)


async def _nothing(*_: object) -> None:
    """Load or unload an adapter: there is no model that would change."""


def _first_question(request: EngineRequest) -> str:
    questions = (one["content"] for one in request.messages if one["role"] == "user")
    return next(questions, request.messages[-1]["content"])


def _count(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def _choices(text: str) -> tuple[TokenChoice, ...]:
    """Split a text into tokens, each with probability 1."""
    ends = [match.end() for match in _TOKEN.finditer(text)]
    return tuple(TokenChoice(text[a:b], 0.0) for a, b in pairwise((0, *ends)))
