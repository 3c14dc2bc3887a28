"""Catalogue of all scenarios, in the order in which they run."""

from __future__ import annotations

from chaos.drill import Scenario
from chaos.drills import (
    api_floods,
    bad_answers,
    clock_skew,
    crash_loop,
    engine_killed,
    messages_deleted,
    out_of_memory,
    overwritten,
    partition,
    power_loss,
    put_unanswered,
    redis_faults,
    s3_faults,
    sigterm,
    worker_evicted,
    worker_poisoned,
    workers_killed,
)

SCENARIOS: tuple[Scenario, ...] = (
    workers_killed.SCENARIO,
    *worker_poisoned.SCENARIOS,
    worker_evicted.SCENARIO,
    *crash_loop.SCENARIOS,
    *redis_faults.SCENARIOS,
    power_loss.SCENARIO,
    messages_deleted.SCENARIO,
    *s3_faults.SCENARIOS,
    *bad_answers.SCENARIOS,
    *overwritten.SCENARIOS,
    put_unanswered.SCENARIO,
    *sigterm.SCENARIOS,
    partition.SCENARIO,
    clock_skew.SCENARIO,
    *api_floods.SCENARIOS,
    out_of_memory.SCENARIO,
    engine_killed.SCENARIO,
)
