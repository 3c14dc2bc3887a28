"""Number of values in JSON text, counted before any of them is made. Pure."""

from __future__ import annotations

_STARTS = (b",", b"[", b"{")


def has_more_values(body: bytes, most: int) -> bool:
    """Tell whether JSON text may hold more values than a maximum; reads 100 MB a second or more.

    Each value but the outermost follows a comma or an opening bracket outside of strings. An empty
    array or object counts as two.

    Args:
        body: JSON text, or any other bytes.
        most: Maximum number of values.
    """
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    pieces = plain.split(b'"', 4 * most)  # a key and a string count as two each
    if len(pieces) > 4 * most:
        return True
    outside = b"".join(pieces[::2])
    return sum(map(outside.count, _STARTS)) > most


def too_many_values(most: int) -> str:
    """Return the text of a refusal."""
    return f"the body holds more than {most:,} values: send fewer in one request"
