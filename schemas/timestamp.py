"""A moment as callers write it: RFC 3339 with an offset, and nothing that merely looks like it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _written_so(value: Any) -> Any:
    """Pydantic would take a number for seconds since 1970, and a date for its midnight."""
    if isinstance(value, (str, int, float)) and not _RFC_3339.fullmatch(str(value)):
        raise ValueError("a time is written as 2025-05-03T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_so)]
