"""Schedule of a delivery's retries. Pure."""

from __future__ import annotations

_JITTER = 0.2
_LONGEST_RETRY_AFTER_SECONDS = 86_400


def next_wait(step_seconds: float, jitter: float, retry_after_seconds: float = 0) -> float:
    """Return the seconds until the next attempt.

    Args:
        step_seconds: Seconds of the schedule.
        jitter: From 0 to 1; adds up to a fifth, so that attempts that failed together are spread.
        retry_after_seconds: Seconds that the receiver asks for, up to a day; the wait is not
            shorter.
    """
    asked = min(retry_after_seconds, _LONGEST_RETRY_AFTER_SECONDS)
    return max(step_seconds, asked) * (1 + _JITTER * jitter)
