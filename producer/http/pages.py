"""Lists of the HTTP API, and the parameters of their pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from ledger.page import Page

T = TypeVar("T")
_MOST_ITEMS = 200
"""Maximum items of a page: each may have 8 KB of metadata, and many pages are made at once."""


class ApiList(BaseModel, Generic[T]):
    """All records of a list."""

    object: Literal["list"] = "list"
    data: Sequence[T]


class ApiPage(ApiList[T], Generic[T]):
    """One page of records."""

    next_cursor: str | None = Field(description="Of the page after this one; null on the last.")


class PageQuery(BaseModel):
    """Parameters of a page."""

    limit: int = Field(default=100, ge=1, le=_MOST_ITEMS)
    cursor: str | None = Field(
        default=None, max_length=200, description="`next_cursor` of the page before."
    )


class Public(Protocol):
    """A record that its owner may see."""

    def public(self) -> dict[str, Any]:
        """Return the value as JSON, without unset fields."""


def page_response(page: Page[Any]) -> JSONResponse:
    """Return a page as an answer; its items are Public."""
    items: Sequence[Public] = page.items
    data = [one.public() for one in items]
    return JSONResponse({"object": "list", "data": data, "next_cursor": page.next})
