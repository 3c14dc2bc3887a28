"""URLs of webhook receivers: as callers give them, and as they are shown later."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, HttpUrl

_MOST_CHARACTERS = 2000
_MASK = "***"


def _as_it_is_kept(url: HttpUrl) -> HttpUrl:
    """Check the normalized URL, which is longer than the sent one and is read again."""
    if len(str(url)) > _MOST_CHARACTERS:
        raise ValueError(f"a receiver's URL has {_MOST_CHARACTERS} characters at most")
    return url


def _without_user(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("name no user and no password: events are signed")
    return url


def masked(url: HttpUrl) -> HttpUrl:
    """Return the URL without what may be a secret: user, password, and the query's values."""
    parts = urlsplit(str(url))
    user, at, place = parts.netloc.rpartition("@")
    query = "&".join(_masked_pair(pair) for pair in parts.query.split("&") if pair)
    shown = parts._replace(netloc=(user and _MASK) + at + place, query=query, fragment="")
    return HttpUrl(shown.geturl())


def _masked_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={_MASK}" if equals else _MASK


ReceiverUrl = Annotated[HttpUrl, AfterValidator(_as_it_is_kept), AfterValidator(_without_user)]
"""As callers name it: short enough, and without a user."""

ShownUrl = Annotated[HttpUrl, AfterValidator(masked)]
"""As it is shown to its owner, in dead letters and in logs; nothing can be sent to it."""
