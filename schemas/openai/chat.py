"""A chat in OpenAI's shape: the requests that are served, and what is refused of the others.

A parameter that would change the answer and is not served is an error, never ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from schemas.contract import Contract
from schemas.job import Metadata
from schemas.json_schema.cost import cost_problem, shape_problem
from schemas.json_schema.guidable import UnguidableSchemaError, check_form, check_guidable

CHAT_VERSION = "1"
CHAT_ENDPOINT = "/v1/chat/completions"

_MOST_MESSAGES = 2_048
_MOST_PARTS = 256
_PLACE_LENGTH = 128
_SCHEMA_CHARACTERS = 120_000
_ANY_OBJECT = {"type": "object", "additionalProperties": True}
_STREAM = "streaming is not served: ask without `stream`, or use the Batch API"


class ChatRequestError(ValueError):
    """A chat request that is not served as it is written.

    Attributes:
        param: The parameter concerned, if it is one.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class TextPart(Contract):
    """A part of a message; images and sound are not served."""

    type: Literal["text"]
    text: str


class ChatMessage(Contract):
    """One message of the chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[tuple[TextPart, ...], Field(min_length=1, max_length=_MOST_PARTS)]

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return _given(data)

    def plain(self) -> dict[str, str]:
        """Return the message as chat templates take it: text, and `system` for `developer`."""
        text = self.content
        if not isinstance(text, str):
            text = "".join(part.text for part in text)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class TextFormat(Contract):
    """Free text."""

    type: Literal["text"]


class JsonObjectFormat(Contract):
    """Any JSON object."""

    type: Literal["json_object"]


class NamedSchema(Contract):
    """A JSON Schema as OpenAI wraps it."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    json_schema: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None

    @field_validator("json_schema")
    @classmethod
    def _guidable(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if problem := _guiding_problem(json.dumps(schema, allow_nan=False)):
            raise ValueError(problem)
        return schema


class JsonSchemaFormat(Contract):
    """JSON that the schema allows, and nothing else."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")
]


class ChatRequest(Contract):
    """The body of a chat completion; `null` is the same as not given."""

    model: str
    messages: tuple[ChatMessage, ...] = Field(min_length=1, max_length=_MOST_MESSAGES)
    temperature: float = Field(default=1, ge=0, le=2)
    top_p: float = Field(default=1, gt=0, le=1)
    frequency_penalty: float = Field(default=0, ge=-2, le=2)
    presence_penalty: float = Field(default=0, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: tuple[str, ...] = Field(default=(), max_length=4)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    response_format: ResponseFormat = TextFormat(type="text")
    n: Literal[1] = 1
    stream: Literal[False] = False
    logprobs: Literal[False] = False
    store: Literal[False] = False
    service_tier: Literal["auto", "default"] = "auto"
    user: str | None = Field(default=None, description="Changes nothing.")
    safety_identifier: str | None = Field(default=None, description="Changes nothing.")
    prompt_cache_key: str | None = Field(default=None, description="Changes nothing.")
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return _given(data)

    @field_validator("stop", mode="before")
    @classmethod
    def _stops(cls, stop: Any) -> Any:
        return (stop,) if isinstance(stop, str) else stop

    @field_validator("stop")
    @classmethod
    def _stops_say_something(cls, stop: tuple[str, ...]) -> tuple[str, ...]:
        if not all(stop):
            raise ValueError("a stop sequence has one character at least")
        return stop

    @property
    def output_tokens(self) -> int | None:
        """Most tokens of the answer; None for all that the context has room for."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the answer; None for free text."""
        match self.response_format:
            case JsonSchemaFormat(json_schema=named):
                return named.json_schema
            case JsonObjectFormat():
                return _ANY_OBJECT
            case _:
                return None


def chat_request(body: Any) -> ChatRequest:
    """A request from its JSON values.

    Raises:
        ChatRequestError: It is not served as it is written; the message says what is not.
    """
    if not isinstance(body, dict):
        raise ChatRequestError("the body is no JSON object")
    if body.get("stream"):
        raise ChatRequestError(_STREAM, "stream")
    try:
        return ChatRequest.model_validate(body)
    except ValidationError as error:
        raise _explained(error) from error


@lru_cache(maxsize=64)
def _guiding_problem(schema: str) -> str | None:
    """Return the reason why a schema is refused; the lines of a batch share the check."""
    if len(schema) > _SCHEMA_CHARACTERS:
        return f"a schema has {_SCHEMA_CHARACTERS:,} characters at most"
    values = json.loads(schema)
    try:
        if problem := shape_problem(values):
            return problem
        check_form(values)
        if problem := cost_problem(values):
            return problem
        check_guidable(values)
    except UnguidableSchemaError as error:
        return str(error)
    return None


def _given(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: value for key, value in data.items() if value is not None}
    return data


def _explained(error: ValidationError) -> ChatRequestError:
    """The first problem; never the value, which is a customer's."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"])[:_PLACE_LENGTH]
    if problem["type"] == "extra_forbidden":
        return ChatRequestError(f"`{place}` is not served", place)
    words = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "union_tag_invalid":  # its message has the value
        words = f"Input should be one of {problem['ctx']['expected_tags']}"
    return ChatRequestError(f"`{place}`: {words}", place or None)
