"""Routes to tasks and scorecards, which producer/catalogue.py implements."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from producer.http.dependencies import ClientOfApp, Reads
from producer.http.pages import ApiList
from producer.http.problem import EVERYWHERE, documented
from schemas.catalogue import TaskDetail, TaskSummary
from schemas.scorecard import Scorecard

TaskInPath = Annotated[str, Path(examples=["fnol"])]

catalogue = APIRouter(
    tags=["tasks"],
    responses=EVERYWHERE,
)


class TaskList(ApiList[TaskSummary]):
    """All tasks, by name."""


class ScorecardList(ApiList[Scorecard]):
    """All scorecards, by name."""


@catalogue.get(
    "/v1/tasks",
    operation_id="listTasks",
    summary="The tasks that can be asked for",
    response_model_exclude_none=True,
)
async def list_tasks(client: ClientOfApp, _asker: Reads) -> TaskList:
    """List the tasks as the API read their files at its start."""
    return TaskList(data=client.catalogue.tasks())


@catalogue.get(
    "/v1/tasks/{name}",
    operation_id="getTask",
    summary="One task, with the schema of its results",
    response_model_exclude_none=True,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def get_task(name: TaskInPath, client: ClientOfApp, _asker: Reads) -> TaskDetail:
    """Return a task; each result's `data` is valid against `output_schema`."""
    return client.catalogue.task(name)


@catalogue.get(
    "/v1/scorecards",
    operation_id="listScorecards",
    summary="The sets of scoring tasks that can be asked for by one name",
    response_model_exclude_none=True,
)
async def list_scorecards(client: ClientOfApp, _asker: Reads) -> ScorecardList:
    """List the scorecards as the API read their files at its start; name them among `tasks`."""
    return ScorecardList(data=client.catalogue.scorecards())
