"""URLs of webhook receivers, as callers give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, HttpUrl

_MOST_CHARACTERS = 2000


def _as_it_is_kept(url: HttpUrl) -> HttpUrl:
    """Check the normalized URL, which is longer than the sent one and is read again."""
    if len(str(url)) > _MOST_CHARACTERS:
        raise ValueError(f"a receiver's URL has {_MOST_CHARACTERS} characters at most")
    return url


ReceiverUrl = Annotated[HttpUrl, AfterValidator(_as_it_is_kept)]
