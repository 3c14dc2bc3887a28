"""Tasks over HTTP."""

from __future__ import annotations

import aiohttp

from settings.fleet import FleetSettings
from settings.sections.tasks import load_tasks
from tests.fixtures.http_api import problem_of


async def test_the_tasks_are_those_of_the_files(
    api: aiohttp.ClientSession, settings: FleetSettings
) -> None:
    """Each with its version, its kind, its limits and, asked for alone, its schema."""
    files = load_tasks(settings.tasks_dir)
    async with api.get("/v1/tasks") as answer:
        listed = (await answer.json())["data"]
    assert [task["name"] for task in listed] == sorted(files)
    for task in listed:
        async with api.get(f"/v1/tasks/{task['name']}") as answer:
            detail = await answer.json()
        file = files[task["name"]]
        assert detail == {**task, "output_schema": file.output_schema}
        assert (task["version"], task["kind"]) == (file.version, file.kind)
        assert task["limits"] == file.limits.model_dump(mode="json", exclude_none=True)
        assert "instructions" not in detail
    async with api.get("/v1/tasks/no-such") as answer:
        assert "fnol" in (await problem_of(answer, 404, "unknown-task"))["detail"]


async def test_a_scorecard_stands_for_its_tasks(api: aiohttp.ClientSession) -> None:
    """The job has each of them once, whoever else names them, and names the scorecard."""
    async with api.get("/v1/scorecards") as answer:
        (card,) = (await answer.json())["data"]
    names = list(card["indicators"])
    body = {"document": {"text": "Hello."}, "tasks": ["call-score", card["name"], names[3]]}
    async with api.post("/v1/jobs", json=body) as answer:
        job = await answer.json()
    assert (answer.status, job["tasks"]) == (202, ["call-score", *names])
    assert job["scorecards"] == [card["name"]]
    async with api.post("/v1/jobs", json={**body, "tasks": ["call-qualitie"]}) as answer:
        assert card["name"] in (await problem_of(answer, 422, "unknown-task"))["detail"]
