"""Catalogue of all scenarios, in the order in which they run."""

from __future__ import annotations

from chaos import (
    bad_answers,
    clock_skew,
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
    workers_killed,
)
from chaos.drill import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    workers_killed.SCENARIO,
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
    out_of_memory.SCENARIO,
    engine_killed.SCENARIO,
)
