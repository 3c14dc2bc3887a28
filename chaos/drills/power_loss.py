"""`power-loss`: Redis is killed, and the last second of its log is cut off, as in a power loss.

`appendfsync everysec` does not promise that the last second is on disk. The design allows these
consequences: jobs accepted in that second may be missing, ended jobs may open again and adopt their
results, and events may repeat under their ids. Drops are never lost: the watcher finds them again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

from chaos.drill import SHORT_RATE, Drill, Scenario
from chaos.drills.recovery import until_told
from chaos.drills.redis_faults import short_jobs
from chaos.tally import patiently

_CUT_SECONDS = 1.0
_SAMPLE_SECONDS = 0.05
_KEPT_SAMPLES = 400
_RATE = 25
_DROPS = 5


class LogSizes:
    """Length of the append-only log over time.

    Args:
        folder: The server's folder `appendonlydir`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._samples: deque[tuple[float, Path, int]] = deque(maxlen=_KEPT_SAMPLES)

    async def watch(self) -> None:
        """Sample until cancelled."""
        while True:
            log = self._log()
            self._samples.append((time(), log, log.stat().st_size))
            await asyncio.sleep(_SAMPLE_SECONDS)

    def _log(self) -> Path:
        """Return the file that is written to: the increment with the highest number."""
        return max(self._folder.glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))

    def cut(self, at: float) -> float:
        """Cut off everything after this time, or slightly more; return the time of the cut."""
        taken, log, size = max(sample for sample in self._samples if sample[0] <= at)
        with log.open("r+b") as file:
            file.truncate(size)
        return taken


@contextmanager
def _sampled(drill: Drill) -> Iterator[LogSizes]:
    sizes = LogSizes(drill.fleet.state.folder("redis") / "appendonlydir")
    watching = asyncio.create_task(sizes.watch())
    try:
        yield sizes
    finally:
        watching.cancel()


async def _lose_power(drill: Drill, sizes: LogSizes) -> tuple[float, float]:
    """Return the time span, in Unix seconds, that the ledger forgot."""
    redis = drill.fleet.parts["redis"]
    redis.hold()
    await redis.kill()
    at = time()
    begin = sizes.cut(at - _CUT_SECONDS)
    redis.release()
    await redis.until_ready()
    drill.injected()
    return begin, at


async def _run(drill: Drill) -> None:
    await drill.load.upload(slow=(0, 0.2))
    # A rewrite of the log would move the measured file.
    await patiently(lambda: drill.fleet.redis.config_set("auto-aof-rewrite-percentage", 0))
    spans = []
    with _sampled(drill) as sizes:
        async with drill.load.flow(drill.size(_RATE, SHORT_RATE), _DROPS):
            for _ in range(int(drill.size(5, 2))):
                await drill.after(drill.size(6, 3))
                spans.append(await _lose_power(drill, sizes))
                await until_told(drill)
            await drill.after(drill.size(6, 3))
    # The ledger's count of ends was rolled back too.
    await drill.finish(counts_ends=False)
    _judge(drill, spans)


def _judge(drill: Drill, spans: list[tuple[float, float]]) -> None:
    """Accept missing submits of the last seconds, and no other loss."""
    submitted = drill.load.accepted.keys() - drill.load.drop_ids
    missing = {job for job in submitted if drill.records[job].state is None}
    for job in missing:
        at = drill.load.accepted[job]
        # A submit is written a moment before its answer arrives.
        inside = any(begin - _SAMPLE_SECONDS <= at <= end + _CUT_SECONDS for begin, end in spans)
        drill.expect(f"{job} is missing and was not accepted in a last second", holds=inside)
    drill.row.lost -= len(missing)
    drill.row.notes["submits of the last second that are gone, as promised"] = len(missing)
    drill.row.notes["drops"] = len(drill.load.drop_ids)


SCENARIO = Scenario(
    "power-loss",
    "losing the last second of Redis' log loses submits of that second and nothing else",
    short_jobs,
    _run,
)
