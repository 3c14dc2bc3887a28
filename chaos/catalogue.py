"""All scenarios, in the order in which they run."""

from __future__ import annotations

from chaos import messages_deleted, power_loss, redis_faults, workers_killed
from chaos.drill import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    workers_killed.SCENARIO,
    *redis_faults.SCENARIOS,
    power_loss.SCENARIO,
    messages_deleted.SCENARIO,
)
