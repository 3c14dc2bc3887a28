"""Speed of one GPU for a mix of documents, from its profile. Pure."""

from __future__ import annotations

from bisect import bisect_right
from math import log2

from schemas.profile import Profile, Work


class Speed:
    """Documents a second of one GPU, by the number that it works on at once.

    The engine's time for a document is split by the profile's prefill share: one part grows with
    the input that is not cached, the other with the output. Between two points of the curve the
    speed is linear in the logarithm of the concurrency, and below one request it is proportional.
    """

    def __init__(self, profile: Profile, work: Work, factor: float = 1.0) -> None:
        """Carry the profile's curve over to other documents.

        Args:
            profile: Of the GPU.
            work: The average document.
            factor: Of the speed, for a what-if.
        """
        reading = _read_tokens(work) / _read_tokens(profile.work)
        writing = work.output_tokens / profile.work.output_tokens
        share = profile.prefill_share
        effort = share * reading + (1 - share) * writing
        documents = 1 / (profile.work.output_tokens * effort) * factor
        self.slots = profile.concurrency
        self._points = [
            (point.concurrency, point.output_tokens_per_second * documents)
            for point in profile.curve
        ]

    @property
    def full(self) -> float:
        """Return documents a second with all slots in use."""
        return self.at(self.slots)

    def at(self, concurrency: float) -> float:
        """Return documents a second.

        Args:
            concurrency: Requests at once; averages below 1 and between whole numbers are allowed.
        """
        points = self._points
        if concurrency <= points[0][0]:
            return points[0][1] * concurrency / points[0][0]
        index = bisect_right(points, concurrency, key=lambda point: point[0])
        if index == len(points):
            return points[-1][1]
        (low, slow), (high, fast) = points[index - 1], points[index]
        return slow + (fast - slow) * log2(concurrency / low) / log2(high / low)

    def alone(self) -> float:
        """Return the seconds of a document that has the GPU for itself."""
        return 1 / self.at(1)


def _read_tokens(work: Work) -> float:
    return work.input_tokens * (1 - work.cached_share)
