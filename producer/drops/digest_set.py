"""A set of digests in little memory. Pure."""

from __future__ import annotations

_INDEX_BYTES = 2
_BUCKETS = 256**_INDEX_BYTES


class DigestSet:
    """Digests of one length, 12 bytes or so, without an object for each.

    The first two bytes choose one of 65,536 byte strings, in which the rest stand in a row: a
    million take some 20 MB, a set of strings ten times that.

    Args:
        size: Bytes of a digest.
    """

    def __init__(self, size: int) -> None:
        self._step = size - _INDEX_BYTES
        self._rows: list[bytes] = [b""] * _BUCKETS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: bytes) -> bool:
        row, rest = self._rows[_index(digest)], digest[_INDEX_BYTES:]
        place = row.find(rest)
        while place > 0 and place % self._step:  # it begins in one digest and ends in the next
            place = row.find(rest, place + 1)
        return place >= 0

    def add(self, digest: bytes) -> None:
        """Put a digest in, if it is not there."""
        if digest not in self:
            self._rows[_index(digest)] += digest[_INDEX_BYTES:]
            self._count += 1

    def clear(self) -> None:
        """Take all out."""
        self._rows = [b""] * _BUCKETS
        self._count = 0


def _index(digest: bytes) -> int:
    return int.from_bytes(digest[:_INDEX_BYTES], "big")
