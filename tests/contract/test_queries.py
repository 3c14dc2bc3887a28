"""Dashboard, alerts and their page against what the code exports."""

from __future__ import annotations

import json
import re
import runpy
from typing import Any

import pytest
import yaml

from tests.fixtures.exported_metrics import INFRA, SCRAPED, exported, filled_in, unknown

DASHBOARD = json.loads((INFRA / "grafana" / "dashboards" / "docfleet.json").read_text())
RULES = yaml.safe_load((INFRA / "prometheus" / "rules.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
TARGETS = [
    pytest.param(target, id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
PAGE = INFRA.parent / "docs" / "metrics.md"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("docfleet_no_such_thing", ["docfleet_no_such_thing"]),
        ("rate(docfleet_attempts[5m])", ["docfleet_attempts"]),
        ('docfleet_queue_workers{tenant="a"}', ["docfleet_queue_workers{tenant}"]),
        ("sum by (job_id) (rate(docfleet_attempts_total[5m]))", ["by (job_id)"]),
        ("max(docfleet_ledger_full) == on (code) vector(1)", ["by (code)"]),
        ('sum by (le, queue) (rate(docfleet_step_seconds_bucket{step="gate"}[5m]))', []),
    ],
)
def test_the_check_finds_what_nobody_exports(query: str, found: list[str]) -> None:
    """Names, labels that are asked for and labels that are grouped by."""
    assert unknown(query, exported()) == found


@pytest.mark.parametrize("target", TARGETS)
def test_a_panel_asks_for_what_is_exported_and_names_it_by_labels_that_are_left(
    target: dict[str, Any],
) -> None:
    """The legend may only name what the query groups by, or has."""
    query = filled_in(target["expr"])
    assert unknown(query, exported()) == []
    grouped = re.findall(r"by \(([^)]*)\)", query)
    left = {name.strip() for names in grouped for name in names.split(",")} or SCRAPED
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= left


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_asks_for_what_is_exported_says_what_to_do_and_is_tested(
    alert: dict[str, Any],
) -> None:
    """Each is tested both for being given and for not being given."""
    assert unknown(alert["expr"], exported()) == []
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"].keys() == {"summary", "action"}
    written = yaml.safe_load((INFRA / "prometheus" / "rules_test.yml").read_text())
    given = [
        bool(case.get("exp_alerts"))
        for test in written["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert["alert"]
    ]
    assert set(given) == {True, False}


def test_the_dashboard_is_what_its_script_writes() -> None:
    """`make dashboard` after a change."""
    script = runpy.run_path(str(INFRA / "grafana" / "make_dashboard.py"))
    written = (INFRA / "grafana" / "dashboards" / "docfleet.json").read_text()
    assert written == script["text"]()


def test_the_dashboard_finds_its_source_and_overlaps_nowhere() -> None:
    """Every panel names the source that is provisioned, and has its own id and place."""
    folder = INFRA / "grafana" / "provisioning" / "datasources"
    (source,) = yaml.safe_load((folder / "prometheus.yml").read_text())["datasources"]
    panels = DASHBOARD["panels"]
    for one in (*panels, *(target for panel in panels for target in panel["targets"])):
        assert one["datasource"] == {"type": source["type"], "uid": source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_page_lists_each_metric_and_no_other() -> None:
    """With its labels, as the code has them."""
    listed = dict(re.findall(r"^\| `(docfleet_\w+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE))
    own = {name: labels for name, labels in exported().items() if name.startswith("docfleet_")}
    said = {
        name.removesuffix("_bucket"): labels - {"le"}
        for name, labels in own.items()
        if not name.endswith(("_sum", "_count"))
    }
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in listed.items()} == said
