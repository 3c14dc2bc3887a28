"""Lists as OpenAI's clients page through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, Self, TypeVar

from schemas.contract import Contract


class Listed(Contract):
    """Item of a list."""

    id: str


Item = TypeVar("Item", bound=Listed)


class OpenAiList(Contract, Generic[Item]):
    """A page of a list; the next one is asked for with `after` and its `last_id`."""

    object: Literal["list"] = "list"
    data: Sequence[Item]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False

    @classmethod
    def of(cls, found: Sequence[Item], limit: int) -> Self:
        """A page of `limit`, of one more that was looked for."""
        data = found[:limit]
        return cls(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=len(found) > limit,
        )
