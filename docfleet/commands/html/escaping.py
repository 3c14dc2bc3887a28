"""Text of documents as HTML: whatever it holds, it is shown and never obeyed. Pure."""

from __future__ import annotations

import html

_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_PICTURES[0x7F] = 0x2421
_REPLACED = {**_PICTURES, **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)}
"""Control characters as the signs that stand for them; halves of surrogate pairs as U+FFFD."""


def shown(text: object) -> str:
    """Return text for an element or a quoted attribute; each character stays one character."""
    return html.escape(str(text).translate(_REPLACED), quote=True)
