"""Protocol between workers and engines: requests and answers.

Implementations are in `vllm/` and `scripted/`; both pass the same conformance suite. Nothing here
imports vLLM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from schemas.engine import EngineVersion, SamplingChoice
from schemas.job import DEFAULT_TENANT
from schemas.result import Usage
from workers.models.adapter import Adapter

Message = Mapping[str, str]
"""One chat message: `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling of the next token; greedy by default.

    Attributes:
        temperature: Temperature; 0 takes the most likely token.
        top_p: Total probability of the candidates.
        seed: Seed; equal seeds give equal choices.
        stop: Texts before which the answer ends.
        frequency_penalty: Penalty of tokens by the number of their earlier uses.
        presence_penalty: Penalty of tokens that were already used.
    """

    temperature: float = 0
    top_p: float = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0
    presence_penalty: float = 0

    def shown(self) -> SamplingChoice:
        """Return the settings as a result tells them."""
        return SamplingChoice(
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
        )


GREEDY = Sampling()


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One task on one document.

    Attributes:
        request_id: Unique among the requests in flight.
        messages: The chat, document first and instructions last.
        schema: JSON Schema that the output must follow, or None for free text.
        max_tokens: Maximum output tokens; None for all that fit in the context.
        adapter: Adapter to run on; None for the base model.
        sampling: Settings of the choice of tokens.
        with_tokens: True to return the answer's tokens and their probabilities.
        tenant: Tenant whose cached prompts it may use: those of others would reveal what they have
            sent.
    """

    request_id: str
    messages: Sequence[Message]
    schema: Mapping[str, Any] | None
    max_tokens: int | None
    adapter: Adapter | None = None
    sampling: Sampling = GREEDY
    with_tokens: bool = False
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """One token of an answer.

    Attributes:
        text: Its characters; empty for a part of a character, which a later token completes.
        logprob: Natural logarithm of its probability among the tokens that the grammar allowed.
    """

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """Answer of the engine to one request.

    Attributes:
        text: The output, complete or not.
        finish_reason: `stop` when complete, `length` when max_tokens cut it off.
        usage: Tokens, counted by the engine.
        tokens: The tokens of the text, where the request asked for them.
        seconds: Time in the engine, measured by GatedEngine.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    usage: Usage
    tokens: tuple[TokenChoice, ...] = ()
    seconds: float = 0


class Engine(Protocol):
    """One model on one device, many requests in flight. All methods run on one event loop."""

    @property
    def version(self) -> EngineVersion:
        """Return the engine's version; known after `start`."""

    async def start(self) -> None:
        """Load the model.

        Raises:
            EngineStartError: The engine cannot start; the message gives the reason and a remedy.
        """

    async def schema_problem(self, schema: Mapping[str, Any]) -> str | None:
        """Return the reason why a schema costs too much, with the place; None when it does not.

        The engine does not see the schema, so that none of its requests waits.

        Raises:
            RequestFailedError: The trial gave no answer.
            EngineDiedError: The engine is gone.
        """

    async def generate(self, request: EngineRequest) -> EngineAnswer:
        """Answer one request. Cancelling the caller aborts it in the engine.

        Raises:
            PromptTooLongError: Prompt and max_tokens do not fit the context.
            RequestRefusedError: The engine does not accept the request.
            RequestFailedError: The engine failed this request and lives on.
            AdapterRefusedError: The engine cannot load the adapter.
            EngineDiedError: The engine is gone, and every request with it.
        """

    async def stop(self) -> None:
        """Free the device. Idempotent, and allowed right after a death."""
