"""Types of values: what a text of a document means, and how a customer's system names it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.contract import Contract

ANY_ITEM = "*"
"""The step of a place that stands for each item of an array."""

Place = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])+)+$", max_length=512)]
"""JSON pointer into a task's data; the step `*` stands for each item of an array."""
_STEP = r"[A-Za-z_@][A-Za-z0-9_@:-]*(\[\])?"
TargetPath = Annotated[str, StringConstraints(pattern=rf"^{_STEP}(\.{_STEP})*$", max_length=512)]
"""Names with dots between them; `Losses[].Number` has an item for each `*` of the place."""


class ValueType(StrEnum):
    """Type of a value that a document writes as text."""

    DATE = "date"
    """A day, as ISO 8601 writes it: `2026-05-03`."""
    MONEY = "money"
    """An amount without its currency, as a decimal string: `1200.00`."""
    NUMBER = "number"
    """A number, as a decimal string."""


class DateOrder(StrEnum):
    """Order in which a document writes a day as numbers."""

    MONTH_FIRST = "month-first"
    """05/03/2026 is the 3rd of May."""
    DAY_FIRST = "day-first"
    """05/03/2026 is the 5th of March."""


class TypedValue(Contract):
    """A value as its type writes it, and as the document does."""

    type: ValueType
    value: str
    original: str


class MappedField(Contract):
    """The source of one field of the customer's form."""

    source: Place | None = Field(default=None, alias="from", description="Place in the data.")
    type: ValueType | None = Field(
        default=None, alias="as", description="Type to write it in; as it is unless named."
    )
    values: dict[str, str] = Field(
        default_factory=dict, description="The customer's word for each of the task's."
    )
    constant: Any = Field(default=None, alias="value", description="The same for each document.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.source is None) == (self.constant is None):
            raise ValueError("give exactly one of `from` and `value`")
        return self


def check_mapping(mapping: dict[str, MappedField]) -> None:
    """Raise ValueError where arrays of the target and of the source do not pair up."""
    for target, field in mapping.items():
        arrays = len(re.findall(r"\[\]", target))
        items = (field.source or "").split("/").count(ANY_ITEM)
        if field.source is not None and arrays != items:
            raise ValueError(
                f"{target}: it has {arrays} `[]` and {field.source} has {items} `{ANY_ITEM}`"
            )
    steps = [target.split(".") for target in mapping]
    for one in steps:
        if any(one != other and other[: len(one)] == one for other in steps):
            raise ValueError(f"{'.'.join(one)}: it is a value and holds others, too")
