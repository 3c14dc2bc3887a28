"""`out-of-memory`: one document kills the engine whenever it is in flight, among two hundred.

All documents in flight become suspects, which run alone; only the one that kills alone is dead.
"""

from __future__ import annotations

import math
from collections import Counter

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import QUICK_LEASE, FleetPlan

_CONCURRENCY = 32
_MOST_DEATHS = math.ceil(math.log2(_CONCURRENCY)) + 2
_ENGINE_DIED = 70
_CODE = "engine.out_of_memory"
_KILLER = "A claim.\ndocfleet-fault: slow 0.2\ndocfleet-fault: engine-out-of-memory\n"


def _plan(is_short: bool) -> FleetPlan:
    return FleetPlan(concurrency=_CONCURRENCY, variables=QUICK_LEASE if is_short else {})


async def _run(drill: Drill) -> None:
    jobs = int(drill.size(200, 60))
    await drill.load.upload(slow=(0.4, 0.8))
    exits_before = [len(part.exits) for part in drill.fleet.infer]
    await drill.load.submit(jobs // 2)
    guilty = await drill.load.submit_text(_KILLER)
    await drill.load.submit(jobs - jobs // 2 - 1)
    drill.row.dead_expected = 1
    await drill.finish()
    exits = Counter(
        code
        for part, before in zip(drill.fleet.infer, exits_before, strict=True)
        for code in part.exits[before:]
    )
    drill.row.injected = deaths = exits[_ENGINE_DIED]
    drill.row.notes["engine deaths"] = deaths
    drill.expect(f"the engine died {deaths} times", holds=deaths <= _MOST_DEATHS)
    drill.expect(f"workers ended with {dict(exits)}", holds=exits.total() == deaths)
    code = drill.records.pop(guilty).code
    drill.expect(f"the guilty job is dead with {code!r}", holds=code == _CODE)
    charged = [job for job, record in drill.records.items() if record.attempts > 1]
    drill.expect(f"{len(charged)} neighbours were charged", holds=not charged)


SCENARIO = Scenario(
    "out-of-memory",
    "a document that kills the engine ends alone as a dead letter; its neighbours finish uncharged",
    _plan,
    _run,
)
