"""How much work stands where: what metrics, `ps` and autoscaling read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue's records.

    Attributes:
        queue: Its name.
        in_line: Waiting for their turn.
        dispatched: Message out, not yet claimed.
        leased: Held by a worker.
        capacity: Records that its live workers can hold at once.
        workers: Live workers.
        head_age_seconds: Since the head of the line was submitted; 0 with no line.
    """

    queue: str
    in_line: int
    dispatched: int
    leased: int
    capacity: int
    workers: int
    head_age_seconds: float


@dataclass(frozen=True, slots=True)
class FleetDepth:
    """All queues, what waits for a retry, and how records ended so far.

    Attributes:
        queues: One entry a queue, by name.
        waiting: Records that failed and will be tried again.
        dead: Dead letters.
        closed: Count by `job:STATE` and `msg:STATE`.
    """

    queues: tuple[QueueDepth, ...]
    waiting: int
    dead: int
    closed: dict[str, int]
