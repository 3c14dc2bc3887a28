"""Schedule of a delivery's retries. Pure."""

from __future__ import annotations

_JITTER = 0.2
_LONGEST_RETRY_AFTER_SECONDS = 86_400


def next_wait(step_seconds: float, jitter: float, retry_after_seconds: float = 0) -> float:
    """Seconds until the next attempt.

    Args:
        step_seconds: What the schedule says.
        jitter: From 0 to 1; spreads what failed together over a fifth more than that.
        retry_after_seconds: What the receiver asks for: never sooner than that, up to a day.
    """
    asked = min(retry_after_seconds, _LONGEST_RETRY_AFTER_SECONDS)
    return max(step_seconds, asked) * (1 + _JITTER * jitter)
