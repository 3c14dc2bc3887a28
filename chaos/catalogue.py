"""All scenarios, in the order in which they run."""

from __future__ import annotations

from chaos import redis_faults, workers_killed
from chaos.drill import Scenario

SCENARIOS: tuple[Scenario, ...] = (workers_killed.SCENARIO, *redis_faults.SCENARIOS)
