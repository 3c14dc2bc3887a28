"""Samples of the soak: the memory of each process and of Redis, as rows of a CSV file."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from time import monotonic

from redis.exceptions import RedisError

from chaos.parts.fleet import Fleet

_MEGABYTE = 2**20
_MOST_GROWTH = 1.1
_MOST_GROWTH_MEGABYTES = 8
_THIRDS = 3
_FEWEST = 9
_OTHERS = frozenset({"s3", "redis"})
"""Third-party servers: SeaweedFS keeps an index of its objects, and Redis is judged separately."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one time, or one value of Redis.

    Attributes:
        seconds: Seconds since the soak began.
        name: Name of the part; `redis.used_memory` for Redis' own figure.
        pid: Process id; 0 for a value that is no process.
        megabytes: Resident or used megabytes.
    """

    seconds: float
    name: str
    pid: int
    megabytes: float


class Samples:
    """Series of all samples of a soak.

    Args:
        fleet: The fleet.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.all: list[Sample] = []
        self._fleet = fleet
        self._started = monotonic()

    async def take(self) -> None:
        """Sample every process once, and Redis if it answers."""
        now = round(monotonic() - self._started, 1)
        for name, part in self._fleet.parts.items():
            if part.ready.is_set():
                with suppress(OSError, StopIteration):
                    self.all.append(Sample(now, name, part.pid, _resident(part.pid)))
        with suppress(RedisError, OSError):
            used = await used_megabytes(self._fleet)
            self.all.append(Sample(now, "redis.used_memory", 0, used))

    def write(self, path: Path) -> None:
        """Write the samples as CSV."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(field.name for field in fields(Sample))
            writer.writerows(map(astuple, self.all))

    def grown(self) -> list[str]:
        """Return the processes whose memory grew after the warm-up, in words.

        The time of a process that lived for most of the soak is cut into thirds. The first is the
        warm-up. The median of the last may not exceed that of the second by a tenth and 8 MB.
        """
        lives: defaultdict[tuple[str, int], list[Sample]] = defaultdict(list)
        for sample in self.all:
            lives[sample.name, sample.pid].append(sample)
        longest = max((len(life) for life in lives.values()), default=0)
        return [
            f"{name} grew from {second:.0f} to {last:.0f} MB"
            for (name, _), life in lives.items()
            if name not in _OTHERS and len(life) >= max(longest / 2, _FEWEST)
            for second, last in [_last_thirds(life)]
            if last > second * _MOST_GROWTH and last > second + _MOST_GROWTH_MEGABYTES
        ]


def _last_thirds(life: Sequence[Sample]) -> tuple[float, float]:
    third = len(life) // _THIRDS
    return (
        statistics.median(sample.megabytes for sample in life[third : 2 * third]),
        statistics.median(sample.megabytes for sample in life[2 * third :]),
    )


def _resident(pid: int) -> float:
    """Return the megabytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


async def used_megabytes(fleet: Fleet) -> float:
    """Return the megabytes that Redis reports as used."""
    return int((await fleet.redis.info("memory"))["used_memory"]) / _MEGABYTE
