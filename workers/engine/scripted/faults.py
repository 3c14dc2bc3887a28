"""Faults of the scripted engine, which lines of a document ask for.

| line | what the engine does |
| --- | --- |
| `docfleet-fault: slow 5` | answers 5 seconds later |
| `docfleet-fault: invalid-output` | answers with JSON that no task's schema allows |
| `docfleet-fault: truncated-output` | stops in the middle, as if max_tokens were reached |
| `docfleet-fault: request-refused` | refuses the request (RequestRefusedError) |
| `docfleet-fault: request-fails` | fails the request and lives on (RequestFailedError) |
| `docfleet-fault: engine-dies` | dies, and all requests in flight with it (EngineDiedError) |
| `docfleet-fault: engine-out-of-memory` | the same, for want of memory |
| `docfleet-fault: engine-hangs` | answers nobody any more, and does not die |
| `docfleet-fault: worker-dies` | its process is killed -9, and the whole worker with it |

Several lines add up. An unknown fault is a refused request.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from workers.errors import RequestRefusedError

_LINE = re.compile(r"^[ \t]*docfleet-fault:[ \t]*(\S+)[ \t]*(\S*)[ \t]*$", re.MULTILINE)


class Fault(StrEnum):
    """Fault that a document can ask for."""

    SLOW = "slow"
    """The answer takes longer."""
    INVALID_OUTPUT = "invalid-output"
    """The answer does not satisfy the schema."""
    TRUNCATED_OUTPUT = "truncated-output"
    """The answer is cut off."""
    REQUEST_REFUSED = "request-refused"
    """The engine does not accept the request."""
    REQUEST_FAILS = "request-fails"
    """The engine fails the request and lives on."""
    ENGINE_DIES = "engine-dies"
    """The engine is gone for good."""
    ENGINE_OUT_OF_MEMORY = "engine-out-of-memory"
    """The engine runs out of memory and is gone for good."""
    ENGINE_HANGS = "engine-hangs"
    """The engine answers no request any more."""
    WORKER_DIES = "worker-dies"
    """The worker's process is gone."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults that one document asks for.

    Attributes:
        kinds: Each fault once.
        seconds: Seconds by which the answer is delayed.
    """

    kinds: frozenset[Fault]
    seconds: float


def read_faults(document: str) -> Faults:
    """Return the faults of a document.

    Raises:
        RequestRefusedError: It asks for an unknown fault.
    """
    kinds, seconds = set(), 0.0
    for name, argument in _LINE.findall(document):
        try:
            kind = Fault(name)
            seconds += _seconds(argument) if kind is Fault.SLOW else 0
        except ValueError:
            known = ", ".join(Fault)
            raise RequestRefusedError(
                f"There is no fault {f'{name} {argument}'.strip()!r}; known are: {known}."
            ) from None
        kinds.add(kind)
    return Faults(frozenset(kinds), seconds)


def _seconds(argument: str) -> float:
    seconds = float(argument)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(argument)
    return seconds
