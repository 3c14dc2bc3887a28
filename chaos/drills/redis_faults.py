"""Faults of Redis: killed, down, frozen, full, read-only."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

from chaos.drill import SHORT_RATE, Drill, Scenario
from chaos.drills.recovery import until_told
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.tally import patiently

_RATE = 25
_DROPS = 2
_FULL_MARGIN_BYTES = 256 * 1024


def short_jobs(is_short: bool) -> FleetPlan:
    """Return a fleet whose jobs take a tenth of a second."""
    return FleetPlan(variables=QUICK_LEASE if is_short else {})


async def under_load(
    drill: Drill, fault: Callable[[Drill], Awaitable[None]], times: int, *, counts_ends: bool = True
) -> None:
    """Cause a fault several times while jobs flow, and count.

    Args:
        drill: The drill.
        fault: Begins and ends one fault.
        times: Number of times.
        counts_ends: See Tally.count.
    """
    await drill.load.upload(slow=(0, 0.2))
    async with drill.load.flow(drill.size(_RATE, SHORT_RATE), _DROPS):
        for _ in range(times):
            await drill.after(drill.size(4, 2))
            await fault(drill)
            drill.injected()
            await until_told(drill)
        await drill.after(drill.size(4, 2))
    await drill.finish(counts_ends=counts_ends)


async def _kill(drill: Drill) -> None:
    redis = drill.fleet.parts["redis"]
    await redis.kill()
    await redis.until_ready()


async def _down(drill: Drill) -> None:
    redis = drill.fleet.parts["redis"]
    redis.hold()
    await redis.kill()
    await drill.after(drill.size(30, 6))
    redis.release()
    await redis.until_ready()


async def _freeze(drill: Drill) -> None:
    pid = drill.fleet.parts["redis"].pid
    os.kill(pid, signal.SIGSTOP)
    await drill.after(drill.size(40, 6))
    os.kill(pid, signal.SIGCONT)


async def _fill(drill: Drill) -> None:
    """Lower maxmemory until submits are refused; accepted jobs have to go on."""
    redis = drill.fleet.redis
    before = await patiently(lambda: redis.config_get("maxmemory"))
    used = int((await patiently(lambda: redis.info("memory")))["used_memory"])
    refused = drill.load.refusals["LedgerFullError"]
    limit = used - _FULL_MARGIN_BYTES
    await patiently(lambda: redis.config_set("maxmemory", limit))
    in_flight = drill.load.accepted.keys() - drill.receiver.events.keys()
    await drill.after(drill.size(15, 4))
    left = in_flight - drill.receiver.events.keys()
    told = drill.load.refusals["LedgerFullError"] - refused
    drill.expect("a full Redis refused no submit", holds=told > 0)
    drill.expect(f"{len(left)} accepted jobs stood still while Redis was full", holds=not left)
    await patiently(lambda: redis.config_set("maxmemory", str(before["maxmemory"])))


async def _read_only(drill: Drill) -> None:
    """Make Redis a replica without a primary, then a primary without replicas, as in a failover."""
    redis = drill.fleet.redis
    await patiently(lambda: redis.replicaof("127.0.0.1", 1))
    await drill.after(drill.size(10, 2))
    await patiently(lambda: redis.replicaof("NO", "ONE"))
    await until_told(drill)
    drill.injected()
    await patiently(lambda: redis.config_set("min-replicas-to-write", 1))
    await drill.after(drill.size(10, 2))
    await patiently(lambda: redis.config_set("min-replicas-to-write", 0))


async def _run_full(drill: Drill) -> None:
    await under_load(drill, _fill, int(drill.size(3, 1)))
    drill.row.notes["refused submits"] = drill.load.refusals["LedgerFullError"]
    drill.row.notes["in these words"] = drill.load.words.get("LedgerFullError")


def _scenario(
    name: str, claim: str, fault: Callable[[Drill], Awaitable[None]], full: int, short: int
) -> Scenario:
    async def run(drill: Drill) -> None:
        await under_load(drill, fault, int(drill.size(full, short)))

    return Scenario(name, claim, short_jobs, run)


SCENARIOS = (
    _scenario("redis-killed", "Redis killed -9 under short jobs costs none", _kill, 10, 2),
    _scenario("redis-down", "Redis away for longer than a lease costs no job", _down, 2, 1),
    _scenario("redis-frozen", "Redis that hangs for 40 s costs no job", _freeze, 2, 1),
    Scenario(
        "redis-full",
        "a full Redis refuses submits in clear words, and what was accepted goes on",
        short_jobs,
        _run_full,
    ),
    _scenario("redis-read-only", "Redis that takes no writes costs no job", _read_only, 2, 1),
)
