"""A task: a named, versioned piece of work on a document."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Protocol, Self

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from schemas.contract import Contract
from schemas.job import TaskName
from schemas.json_schema.guidable import check_guidable
from schemas.value_type import (
    DateOrder,
    MappedField,
    Place,
    TargetPath,
    ValueType,
    check_mapping,
)

ROWS = "rows"
"""The property of a list's data that holds its rows."""
DOCUMENTS = "documents"
"""The property of a packet's data that holds its documents."""
QUOTE = "quote"
"""The property of a scoring's data that quotes the document; the others are judgements."""


class TaskKind(StrEnum):
    """Kind of a task: the form of its result."""

    EXTRACTION = "extraction"
    """The values of named fields."""
    CLASSIFICATION = "classification"
    """One label of a closed set."""
    SUMMARIZATION = "summarization"
    """A short text."""
    SCORING = "scoring"
    """Points and reasons for one indicator of quality."""
    LIST = "list"
    """The rows of a long document, in document order."""
    PACKET = "packet"
    """The documents that a packet is made of: where each begins, and its kind."""
    CHAT = "chat"
    """An OpenAI-shaped request; it has no file."""


IN_WINDOWS = frozenset(
    {
        TaskKind.EXTRACTION,
        TaskKind.CLASSIFICATION,
        TaskKind.SUMMARIZATION,
        TaskKind.LIST,
        TaskKind.PACKET,
    }
)
"""Kinds that can read a document which is longer than a context."""
ALWAYS_IN_WINDOWS = frozenset({TaskKind.LIST, TaskKind.PACKET})
"""Kinds that read any document part by part, for their answers grow with it."""


class UnreadPages(StrEnum):
    """Policy of a task for documents with pages that nothing could read."""

    PARTIAL = "partial"
    """`incomplete`, with the data of the other pages: the job is `partially_succeeded`."""
    FAIL = "fail"
    """Failed, with the code `document.unread_pages`."""


class ReviewRule(Contract):
    """The findings that ask for a person's look at a result."""

    below: float | None = Field(
        default=None, ge=0, le=1, description="A value's confidence is below this threshold."
    )
    ungrounded: bool = Field(default=True, description="A value stands nowhere in the document.")
    conflicting: bool = Field(default=True, description="Pages disagree about a value.")
    truncated: bool = Field(default=True, description="An answer was cut off and asked for again.")
    unread_pages: bool = Field(default=True, description="A page could not be read.")
    untyped: bool = Field(
        default=True, description="A value is no date, amount or number, and should be one."
    )


class NamedTask(Protocol):
    """Name, version and kind of a piece of work."""

    @property
    def name(self) -> str:
        """The name in results."""

    @property
    def version(self) -> str:
        """The version; results of other versions do not count."""

    @property
    def kind(self) -> TaskKind:
        """The kind of the result."""


class TaskLimits(Contract):
    """Limits of one run of the task."""

    max_output_tokens: int = Field(default=512, ge=1, le=32_768)
    timeout_seconds: float = Field(
        default=120, gt=0, le=3_600, description="For one answer of the engine."
    )
    windows: int = Field(
        default=8,
        ge=1,
        le=1_000,
        description="Maximum windows of a document that an extraction reads, where it is too long.",
    )
    window_pages: int | None = Field(
        default=None, ge=1, description="Maximum pages of a window of a list."
    )
    repairs: int = Field(
        default=1, ge=0, le=3, description="How often an unusable answer is asked for again."
    )


class TaskAdapter(Contract):
    """The LoRA adapter that the task runs on instead of the base model alone."""

    path: Path = Field(description="A directory with adapter_config.json and safetensors.")


_VERSION = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$"
TaskVersion = Annotated[
    str,
    Field(pattern=_VERSION, coerce_numbers_to_str=True),
    # YAML reads `version: 1` as a number.
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _VERSION}, {"type": "number"}]}),
]


class Task(Contract):
    """One YAML file in `tasks/`."""

    name: TaskName
    version: TaskVersion
    kind: TaskKind
    instructions: str = Field(min_length=1, max_length=20_000)
    output_schema: dict[str, Any]
    adapter: TaskAdapter | None = None
    limits: TaskLimits = TaskLimits()
    unread_pages: UnreadPages = UnreadPages.PARTIAL
    review: ReviewRule = ReviewRule()
    types: dict[Place, ValueType] = Field(
        default_factory=dict, description="Types of values that documents write as text, by place."
    )
    dates: DateOrder | None = Field(
        default=None,
        description="Order of days that are written as numbers; where none is named, a date that"
        " can be two days has no type.",
    )
    mapping: dict[TargetPath, MappedField] = Field(
        default_factory=dict,
        description="The data in a customer's names and forms, by path in that form.",
    )
    calibration: tuple[tuple[float, float], ...] = Field(
        default=(),
        description="Points of a rising curve from the probability of a value's tokens to the"
        " share of such values that are right; `docfleet eval --calibrate` finds them.",
    )

    @field_validator("calibration")
    @classmethod
    def _rises(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        ascending = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(points))
        if not ascending or any(not 0 <= share <= 1 for point in points for share in point):
            raise ValueError("calibration: points rise, from 0 to 1 in both numbers")
        return points

    @field_validator("name")
    @classmethod
    def _not_chat(cls, name: str) -> str:
        if name == TaskKind.CHAT:
            raise ValueError("`chat` is what OpenAI-shaped requests are; choose another name")
        return name

    @field_validator("kind")
    @classmethod
    def _has_a_file(cls, kind: TaskKind) -> TaskKind:
        if kind is TaskKind.CHAT:
            raise ValueError("a chat is asked for through the OpenAI-compatible routes, by no file")
        return kind

    @model_validator(mode="after")
    def _has_its_list(self) -> Self:
        name = {TaskKind.LIST: ROWS, TaskKind.PACKET: DOCUMENTS}.get(self.kind)
        items = self.output_schema.get("properties", {}).get(name, {}).get("items")
        if name and not isinstance(items, dict):
            raise ValueError(f"output_schema: a {self.kind} gives its items in the array `{name}`")
        if self.kind is TaskKind.PACKET and "kind" not in items.get("properties", {}):
            raise ValueError(f"output_schema: each of the `{name}` has a property `kind`")
        return self

    @field_validator("mapping")
    @classmethod
    def _pairs_arrays(cls, mapping: dict[str, MappedField]) -> dict[str, MappedField]:
        check_mapping(mapping)
        return mapping

    @field_validator("output_schema")
    @classmethod
    def _guidable(cls, schema: dict[str, Any]) -> dict[str, Any]:
        check_guidable(schema)
        return schema
