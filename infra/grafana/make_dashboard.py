"""Generator of the Grafana dashboard: the tables below are its panels.

Run `make dashboard` after a change. The queries use the maximum when several APIs read the same
ledger, and add up the counts of workers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

OUT = Path(__file__).parent / "dashboards" / "docfleet.json"
DATASOURCE = {"type": "prometheus", "uid": "docfleet-prometheus"}
_COLUMNS = 24
_LABEL_VALUES = 1
"""Grafana's number for this kind of query."""


class Panel(NamedTuple):
    """One panel.

    Attributes:
        title: Its heading.
        unit: Unit of its values in Grafana.
        queries: PromQL by legend.
        words: Description on hovering.
        kind: Type of the panel in Grafana.
    """

    title: str
    unit: str
    queries: Mapping[str, str]
    words: str = ""
    kind: str = "timeseries"


def _quantiles(metric: str, by: str, where: str = 'queue=~"$queue"') -> dict[str, str]:
    rate = f"sum by (le, {by}) (rate({metric}_bucket{{{where}}}[$__rate_interval]))"
    return {
        f"{{{{{by}}}}} p{share}": f"histogram_quantile({share / 100}, {rate})" for share in (50, 95)
    }


def _stat(title: str, unit: str, query: str, words: str = "") -> Panel:
    return Panel(title, unit, {"": query}, words, "stat")


_ENDED_WELL = 'docfleet_closed_total{kind="job", state=~"succeeded|partially_succeeded"}'
_OPEN = 'docfleet_queue_records{queue=~"prepare|infer.*"}'

STATS = (
    _stat("Jobs under way", "short", f"sum(max by (queue, place) ({_OPEN}))"),
    _stat("Documents/s", "ops", f"sum(max by (state) (rate({_ENDED_WELL}[$__rate_interval])))"),
    _stat("Oldest in line", "s", "max(docfleet_queue_head_age_seconds)"),
    _stat("Live workers", "short", 'sum(max by (queue) (docfleet_queue_workers{queue=~"$queue"}))'),
    _stat("Dead letters", "short", "sum(max by (code) (docfleet_dead_letters)) or vector(0)"),
    _stat(
        "Submits refused", "bool_yes_no", "max(docfleet_ledger_full)", "Redis nears its maxmemory."
    ),
)

PANELS = (
    Panel(
        "Jobs that came and ended",
        "ops",
        {
            "came": 'max(rate(docfleet_opened_total{kind="job"}[$__rate_interval]))',
            "{{state}}": "max by (state) "
            '(rate(docfleet_closed_total{kind="job"}[$__rate_interval]))',
        },
    ),
    Panel(
        "Queues",
        "short",
        {
            "{{queue}} {{place}}": "max by (queue, place) "
            '(docfleet_queue_records{queue=~"$queue"})',
            "waiting for a retry": "max(docfleet_waiting_records)",
        },
        "In line, dispatched and not claimed, leased by a worker.",
    ),
    Panel(
        "Oldest in line",
        "s",
        {"{{queue}}": 'max by (queue) (docfleet_queue_head_age_seconds{queue=~"$queue"})'},
    ),
    Panel(
        "Requests at the engine",
        "short",
        {
            "{{queue}} running": 'sum by (queue) (docfleet_engine_requests{queue=~"$queue"})',
            "{{queue}} waiting": 'sum by (queue) (docfleet_gate_waiting{queue=~"$queue"})',
            "{{queue}} gate": 'sum by (queue) (docfleet_gate_slots{queue=~"$queue"})',
            "{{queue}} tuned": 'sum by (queue) (docfleet_gate_tuned_slots{queue=~"$queue"})',
        },
        "Below the gate, the engine is idle in part; the gate is below the tuned concurrency after "
        "repeated deaths.",
    ),
    Panel(
        "Documents/s",
        "ops",
        {"{{state}}": f"max by (state) (rate({_ENDED_WELL}[$__rate_interval]))"},
    ),
    Panel(
        "Tokens/s",
        "ops",
        {
            f"{{{{queue}}}} {{{{adapter}}}} {what}": "sum by (queue, adapter) "
            f'(rate(docfleet_{what}_tokens_total{{queue=~"$queue"}}[$__rate_interval]))'
            for what in ("prompt", "cached", "output")
        },
        "Cached tokens are part of the prompts.",
    ),
    Panel("Time in line", "s", _quantiles("docfleet_line_wait_seconds", "queue")),
    Panel("Attempts take", "s", _quantiles("docfleet_attempt_seconds", "queue")),
    Panel(
        "Steps take",
        "s",
        _quantiles("docfleet_step_seconds", "step"),
        "fetch, read, store: prepare; load, gate, engine, validate, publish: infer.",
    ),
    Panel(
        "Attempts by outcome",
        "ops",
        {
            "{{outcome}}": "sum by (outcome) "
            '(rate(docfleet_attempts_total{queue=~"$queue"}[$__rate_interval]))'
        },
    ),
    Panel(
        "Failures by code",
        "ops",
        {
            "{{code}}": "sum by (code) "
            '(rate(docfleet_attempt_failures_total{queue=~"$queue"}[$__rate_interval]))'
        },
        "Of attempts; most are tried again.",
    ),
    Panel("Dead letters by code", "short", {"{{code}}": "max by (code) (docfleet_dead_letters)"}),
    Panel(
        "Tasks",
        "ops",
        {
            "{{task}} {{status}}": "sum by (task, status) "
            '(rate(docfleet_tasks_total{queue=~"$queue"}[$__rate_interval]))',
            "asked again": 'sum(rate(docfleet_repairs_total{queue=~"$queue"}[$__rate_interval]))',
        },
    ),
    Panel(
        "Engines that started and died in an hour",
        "short",
        {
            f"{{{{queue}}}} {event}": "max by (queue) "
            f'(increase(docfleet_engines_{event}_total{{queue=~"$queue"}}[1h]))'
            for event in ("started", "died")
        },
    ),
    Panel(
        "Live workers",
        "short",
        {"{{queue}}": 'max by (queue) (docfleet_queue_workers{queue=~"$queue"})'},
    ),
    Panel(
        "Mended by the sweep",
        "ops",
        {
            "{{what}}": "sum by (what) "
            '(rate(docfleet_swept_records_total{what!~"woken|forgotten"}[$__rate_interval]))'
        },
        "expired: leases that ran out, back in line. resent: messages that were lost.",
    ),
    Panel(
        "Callbacks by answer",
        "ops",
        {
            "{{answer}}": "sum by (answer) "
            "(rate(docfleet_webhook_seconds_count[$__rate_interval]))",
            "behind": 'max(docfleet_queue_records{queue="deliver", place="behind"})',
        },
        "behind: how many wait for others to the same receiver.",
    ),
    Panel("Receivers take", "s", _quantiles("docfleet_webhook_seconds", "answer", "")),
    Panel(
        "Redis memory",
        "bytes",
        {
            "used": "max(docfleet_ledger_used_bytes)",
            "limit": "max(docfleet_ledger_limit_bytes) > 0",
        },
    ),
    Panel(
        "Memory of the parts",
        "bytes",
        {"{{part}} {{instance}}": 'process_resident_memory_bytes{job="docfleet"}'},
        "Of the process itself: an engine's own processes are not in it.",
    ),
    Panel(
        "Drops",
        "ops",
        {"{{bucket}}": "sum by (bucket) (rate(docfleet_drops_total[$__rate_interval]))"},
    ),
)


def _targets(queries: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"refId": chr(ord("A") + n), "datasource": DATASOURCE, "expr": query, "legendFormat": name}
        for n, (name, query) in enumerate(queries.items())
    ]


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        **({"description": panel.words} if panel.words else {}),
        "gridPos": dict(place),
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": _targets(panel.queries),
    }


def _laid_out(panels: Sequence[Panel], *, across: int, height: int, top: int) -> list[Any]:
    width = _COLUMNS // across
    return [
        _panel(
            top * _COLUMNS + n + 1,
            panel,
            {"x": n % across * width, "y": top + n // across * height, "w": width, "h": height},
        )
        for n, panel in enumerate(panels)
    ]


def _queue_variable() -> dict[str, Any]:
    values = "label_values(docfleet_queue_records, queue)"
    return {
        "name": "queue",
        "label": "Queue",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"qryType": _LABEL_VALUES, "query": values, "refId": "queue"},
        "definition": values,
        "refresh": 2,  # whenever the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard() -> dict[str, Any]:
    """Return the dashboard for Grafana."""
    return {
        "uid": "docfleet",
        "title": "docfleet",
        "tags": ["docfleet"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": [_queue_variable()]},
        "panels": [
            *_laid_out(STATS, across=6, height=4, top=0),
            *_laid_out(PANELS, across=3, height=8, top=4),
        ],
    }


def text() -> str:
    """Return the content of the file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
