"""A compact set of digests. Pure."""

from __future__ import annotations

_INDEX_BYTES = 2
_BUCKETS = 256**_INDEX_BYTES


class DigestSet:
    """Digests of one length, such as 12 bytes, without one object for each.

    The first two bytes select one of 65,536 byte strings, which holds the rest of each digest. A
    million digests take about 20 MB, a tenth of a set of strings.

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
        while place > 0 and place % self._step:  # this match spans two digests
            place = row.find(rest, place + 1)
        return place >= 0

    def add(self, digest: bytes) -> None:
        """Add a digest, unless it is there."""
        if digest not in self:
            self._rows[_index(digest)] += digest[_INDEX_BYTES:]
            self._count += 1

    def clear(self) -> None:
        """Remove all digests."""
        self._rows = [b""] * _BUCKETS
        self._count = 0


def _index(digest: bytes) -> int:
    return int.from_bytes(digest[:_INDEX_BYTES], "big")
