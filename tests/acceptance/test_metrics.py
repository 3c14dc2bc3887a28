"""A Prometheus on a stack under load: every query of dashboard and alerts has an answer."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from demo.drop import s3_client
from docfleet.processes.bare_python import bare_command
from docfleet.stack.ports import LOOPBACK, Ports
from tests.acceptance.running_stack import ROOT, RunningStack, running_stack
from tests.fixtures.exported_metrics import INFRA, filled_in

JOBS = 24
OPTIONS = ("--engine", "scripted", "--infer-workers", "2", "--concurrency", "4")
PARTS = {"api", "watch", "prepare-deliver", "infer-1", "infer-2"}
_PATIENCE_SECONDS = 90

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


class Prometheus:
    """A Prometheus that scrapes a stack every second.

    Args:
        url: URL of the server.
        session: Asks it.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its HTTP API."""
        async with self._session.get(f"{self._url}/api/v1/{path}", params=parameters) as answer:
            said = await answer.json()
        assert said["status"] == "success", said
        return said["data"]

    async def values(self, query: str) -> list[float]:
        """Return the present values of a query."""
        found = await self.get("query", query=query)
        return [float(one["value"][1]) for one in found["result"]]

    async def until(self, query: str, right: Callable[[list[float]], bool]) -> list[float]:
        """Ask until the answer is right."""
        values: list[float] = []
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not right(values := await self.values(query)):
                    await asyncio.sleep(0.5)
        except TimeoutError:
            pytest.fail(f"{query} gives {values}")
        return values


@pytest.fixture(scope="module")
def binary() -> str:
    """Prometheus itself."""
    unpacked = ROOT / ".venv" / "prometheus" / "usr" / "bin" / "prometheus"
    found = shutil.which("prometheus") or (str(unpacked) if unpacked.exists() else None)
    if found is None:
        pytest.skip("there is no prometheus: `make promtool` brings Debian's")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(
    binary: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningStack]:
    """Two infer workers with the scripted engine, and short leases."""
    assert binary
    state_dir = tmp_path_factory.mktemp("state")
    async with running_stack(state_dir, OPTIONS, {"DOCFLEET_LEASE__SECONDS": "3"}) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(
    binary: str, stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    """Reads the stack's own list of its parts, and the alerts."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(INFRA / "prometheus" / "rules.yml")],
        "scrape_configs": [
            {
                "job_name": "docfleet",
                "file_sd_configs": [{"files": [str(stack.state_dir / "metrics.json")]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = Ports(folder / "ports.json").choose("prometheus")
    with _running(binary, folder, port):
        async with aiohttp.ClientSession() as session:
            await _until_ready(session, f"http://{LOOPBACK}:{port}/-/ready")
            yield Prometheus(f"http://{LOOPBACK}:{port}", session)


@contextmanager
def _running(binary: str, folder: Path, port: int) -> Any:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            bare_command(
                "docfleet.processes.launch",
                str(os.getpid()),
                binary,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={LOOPBACK}:{port}",
            ),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(_PATIENCE_SECONDS)


async def _until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def _drop(stack: RunningStack, mark: str) -> None:
    """Documents that succeed, and one that is a dead letter."""
    client, bucket = s3_client(stack.env), stack.env["DOCFLEET_INCOMING_BUCKET"]
    for number in range(JOBS):
        body = f"Claim {mark}-{number}\nHail broke two skylights on 3 May 2026.".encode()
        client.put_object(Bucket=bucket, Key=f"fnol/{mark}/{number}.txt", Body=body)
    client.put_object(Bucket=bucket, Key=f"fnol/{mark}/empty.txt", Body=b"")


async def test_every_part_is_scraped(prometheus: Prometheus) -> None:
    """The stack's own list names each with its part."""
    await prometheus.until('count(up{job="docfleet"} == 1)', lambda found: found == [len(PARTS)])
    targets = (await prometheus.get("targets"))["activeTargets"]
    assert {target["labels"]["part"] for target in targets} == PARTS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def panels_without_data(stack: RunningStack, prometheus: Prometheus) -> set[str]:
    """Documents go through the stack, and each panel is asked for while they do."""
    dashboard = json.loads((INFRA / "grafana" / "dashboards" / "docfleet.json").read_text())
    queries = {
        f"{panel['title']}: {target['legendFormat']}": filled_in(target["expr"], interval="10s")
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    await asyncio.to_thread(_drop, stack, "first")
    await prometheus.until("max(docfleet_dead_letters)", lambda found: found == [1])
    await stack.events(JOBS + 1)
    await asyncio.to_thread(_drop, stack, "second")
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while queries:
                for name, query in list(queries.items()):
                    if await prometheus.values(query):
                        del queries[name]
                await asyncio.sleep(0.2)
    await stack.events(JOBS + 1)
    return set(queries)


async def test_every_panel_of_the_dashboard_has_data(panels_without_data: set[str]) -> None:
    """Asked as Grafana asks."""
    assert panels_without_data == set()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('max(docfleet_opened_total{kind="job"})', 2 * JOBS + 2),
        ('max(docfleet_closed_total{kind="job", state="succeeded"})', 2 * JOBS),
        ('max(docfleet_closed_total{kind="job", state="dead"})', 2),
        ('max(docfleet_dead_letters{code="document.empty"})', 2),
        ('sum(docfleet_attempts_total{queue="infer.cpu", outcome="finished"})', 2 * JOBS),
        ('sum(docfleet_attempts_total{queue="prepare", outcome="advanced"})', 2 * JOBS),
        ('sum(docfleet_attempts_total{queue="prepare", outcome="dead_letter"})', 2),
        ('sum(docfleet_attempt_failures_total{code="document.empty"})', 2),
        ('sum(docfleet_line_wait_seconds_count{queue="infer.cpu"})', 2 * JOBS),
        ('sum(docfleet_step_seconds_count{step="read"})', 2 * JOBS + 2),
        ('sum(docfleet_step_seconds_count{step="publish"})', 2 * JOBS),
        ('sum(docfleet_tasks_total{task="fnol", kind="extraction", status="succeeded"})', 2 * JOBS),
        ('sum(docfleet_webhook_seconds_count{answer="2xx"})', 2 * JOBS + 2),
        ('sum(docfleet_drops_total{bucket="incoming"})', 2 * JOBS + 2),
        ('sum(docfleet_gate_slots{queue="infer.cpu"})', 8),
        ('max(docfleet_engines_started_total{queue="infer.cpu"})', 2),
        ('max(docfleet_engines_died_total{queue="infer.cpu"})', 0),
    ],
)
@pytest.mark.usefixtures("panels_without_data")
async def test_what_was_done_is_counted_exactly(
    prometheus: Prometheus, query: str, count: int
) -> None:
    """Workers' counts add up to what the ledger says."""
    await prometheus.until(query, lambda found: found == [count])


@pytest.mark.usefixtures("panels_without_data")
async def test_the_alerts_are_evaluated_and_tell_of_the_dead_letters(
    prometheus: Prometheus,
) -> None:
    """No rule fails on real series, and of all that could be wrong only one thing is."""
    await prometheus.until(
        'count(ALERTS{alertname="DocfleetDeadLetters", alertstate="firing"})',
        lambda found: found == [1],
    )
    groups = (await prometheus.get("rules"))["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    assert await prometheus.values('count(ALERTS{alertname!="DocfleetDeadLetters"})') == []
