"""`put-unanswered`: results are written, and the store's answers never arrive.

The create-only put is repeated, meets the worker's own object and adopts it.
"""

from __future__ import annotations

import random

from chaos.drill import Drill, Scenario
from chaos.parts.fleet import QUICK_LEASE, FleetPlan
from chaos.parts.proxy import Proxy

_WORKERS = 2
_TIMES_AND_WEIGHTS = ((0, 1, 3), (7, 2, 1))
"""Number of lost answers with weights. A client tries a put three times; if all answers are
lost, the next attempt adopts."""


def _plan(is_short: bool) -> FleetPlan:
    # The drill starts its infer workers with the proxy's address.
    return FleetPlan(infer_workers=0, spares=_WORKERS, variables=QUICK_LEASE if is_short else {})


class _Victims:
    """Choice of the puts whose answers are swallowed, and of their number."""

    def __init__(self) -> None:
        self._left: dict[bytes, int] = {}

    def take(self, request: bytes) -> bool:
        """Decide whether the answer to this request is swallowed."""
        if not request.startswith(b"PUT /results/job_"):
            return False
        path = request.split(b" ", 2)[1]
        left = self._left.setdefault(path, random.choices(*_TIMES_AND_WEIGHTS)[0])
        self._left[path] = left - 1
        return left > 0


async def _run(drill: Drill) -> None:
    jobs = int(drill.size(1000, 80))
    fleet = drill.fleet
    s3_port = int(fleet.environment["AWS_ENDPOINT_URL_S3"].rpartition(":")[2])
    await drill.load.upload(slow=(0, 0.2))
    async with Proxy(s3_port, swallows=_Victims().take) as proxy:
        through = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.port}"}
        for _ in range(_WORKERS):
            fleet.start_spare(through)
        await drill.load.submit(jobs)
        await drill.finish()
        drill.row.injected = proxy.swallowed
        adopted = fleet.times_logged("infer-", "adopted")
    drill.row.notes["results adopted"] = adopted
    drill.expect("no worker adopted a result", holds=adopted > 0)


SCENARIO = Scenario(
    "put-unanswered",
    "a result whose put was not answered is met again and adopted",
    _plan,
    _run,
)
