"""`api-bodies`, `api-heads`, `api-few-files`, `api-places`: floods of the HTTP API.

Each runs beside the work of another tenant.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import asdict
from functools import partial
from urllib.parse import urlsplit

from chaos.drill import Drill, Scenario
from chaos.drills.bystander import Bystander
from chaos.parts.fleet import FleetPlan
from chaos.parts.flood import FloodKind, Plan
from chaos.parts.load import TASKS

_TENANTS = ("acme", "globex")
_MOST_SECONDS = 2.0
_MOST_MEGABYTES = 512
_MOST_GROWTH_MEGABYTES = 32
_REST_SECONDS = 2
_SIZES = {
    FloodKind.BODIES: (20_000, 240),
    FloodKind.HEADS: (3_000, 300),
    FloodKind.PLACES: (90, 10),
}
"""Size of a full run and of a short one, by kind."""
_SECONDS = (90, 5)
"""Seconds of floods that do not end by themselves."""


_FEW_FILES = 256


def _plan(_is_short: bool, files: int | None = None) -> FleetPlan:
    return FleetPlan(infer_workers=1, api=True, api_files=files)


async def _run(drill: Drill, kind: FloodKind) -> None:
    size = int(drill.size(*_SIZES[kind]))
    async with Bystander(drill) as bystander:
        plan = await _plan_of(drill, bystander, kind, size)
        async with bystander.watching():
            ends = await _flood(drill, plan)
        await _judge(drill, bystander, ends)
        await bystander.post(f"/v1/jobs/{plan.job_id}/cancel", {})
    await drill.finish(counts_ends=False)  # the flood's own job has ended, too


async def _plan_of(drill: Drill, bystander: Bystander, kind: FloodKind, size: int) -> Plan:
    url = urlsplit(drill.fleet.environment["DOCFLEET_API_URL"])
    scopes = ["submit", "read", "operate", "admin"]
    keys = [
        await bystander.post("/v1/keys", {"label": "flood", "tenant": tenant, "scopes": scopes})
        for tenant in _TENANTS
    ]
    text = "Claim 1\nHail.\ndocfleet-fault: slow 3600\n"
    job = await bystander.post(
        "/v1/jobs",
        {"document": {"text": text}, "tasks": TASKS},
        **{"Docfleet-Tenant": _TENANTS[0]},
    )
    return Plan(
        kind=kind,
        size=size,
        host=str(url.hostname),
        port=int(url.port or 0),
        keys=tuple(one["key"] for one in keys),
        job_id=job["id"],
    )


async def _flood(drill: Drill, plan: Plan) -> dict[str, int]:
    """Send a flood; return how its requests ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos.parts.flood", stdin=PIPE, stdout=PIPE
    )
    seconds = None if plan.kind is FloodKind.BODIES else drill.size(*_SECONDS)
    try:
        output = await _output(process, json.dumps(asdict(plan)).encode(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = json.loads(output)
    drill.row.injected += told["sent"]
    ends: dict[str, int] = told["ends"]
    return ends


async def _output(process: Process, plan: bytes, seconds: float | None) -> bytes:
    talking = asyncio.create_task(process.communicate(plan))
    if seconds is not None:
        await asyncio.wait([talking], timeout=seconds)
        if not talking.done():
            process.send_signal(signal.SIGTERM)
    output, _ = await talking
    return output


async def _judge(drill: Drill, bystander: Bystander, ends: dict[str, int]) -> None:
    """Compare the other tenant's answers and the API's memory with the promises."""
    worst = {
        "/healthz": max(bystander.health_seconds, default=float("inf")),
        "a submit": max(bystander.submit_seconds, default=float("inf")),
    }
    await drill.after(_REST_SECONDS)
    quarter = len(bystander.megabytes) // 4 + 1
    early, most = max(bystander.megabytes[:quarter]), max(bystander.megabytes)
    rest = bystander.resident_megabytes()
    drill.row.notes |= {
        "ends": dict(sorted(ends.items())),
        **{f"{what}, worst s": round(seconds, 2) for what, seconds in worst.items()},
        "API MiB, first quarter": round(early),
        "API MiB, most": round(most),
        "API MiB, after it": round(rest),
    }
    drill.expect("the API answered the flood with 500", holds="500" not in ends)
    drill.expect(f"the API took {most:.0f} MiB", holds=most < _MOST_MEGABYTES)
    grown = rest - early
    drill.expect(f"{grown:.0f} MiB more stayed", holds=grown < _MOST_GROWTH_MEGABYTES)
    if not drill.is_short:
        for what, seconds in worst.items():
            drill.expect(f"{what} took {seconds:.1f} s", holds=seconds <= _MOST_SECONDS)


_CLAIMS = {
    FloodKind.BODIES: "large and invalid bodies cost neither the API's memory nor other tenants",
    FloodKind.HEADS: "strangers' half requests and endless heads leave room for everybody else",
    FloodKind.PLACES: "two tenants that hold all they can get leave places to the others",
}
SCENARIOS = (
    *(
        Scenario(f"api-{kind}", claim, _plan, partial(_run, kind=kind))
        for kind, claim in _CLAIMS.items()
    ),
    Scenario(
        "api-few-files",
        "the same strangers leave room where the API may open 256 files",
        partial(_plan, files=_FEW_FILES),
        partial(_run, kind=FloodKind.HEADS),
    ),
)
