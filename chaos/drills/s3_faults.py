"""Faults of the object store: killed, hanging."""

from __future__ import annotations

import os
import signal

from chaos.drill import Drill, Scenario
from chaos.drills.redis_faults import short_jobs, under_load


async def _kill(drill: Drill) -> None:
    s3 = drill.fleet.parts["s3"]
    await s3.kill()
    await s3.until_ready()


async def _hang(drill: Drill) -> None:
    pid = drill.fleet.parts["s3"].pid
    os.kill(pid, signal.SIGSTOP)
    await drill.after(drill.size(20, 4))
    os.kill(pid, signal.SIGCONT)


async def _run_killed(drill: Drill) -> None:
    await under_load(drill, _kill, int(drill.size(6, 1)))


async def _run_hanging(drill: Drill) -> None:
    await under_load(drill, _hang, int(drill.size(3, 1)))


SCENARIOS = (
    Scenario("s3-killed", "the object store killed -9 costs no job", short_jobs, _run_killed),
    Scenario("s3-hanging", "an object store that hangs costs no job", short_jobs, _run_hanging),
)
