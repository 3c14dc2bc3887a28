"""The Celery side of a worker: one task for each role, which passes a record id to the loop."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
from celery import Celery, Task
from celery.exceptions import SecurityWarning

from schemas.queues import celery_task
from workers.runtime.kombu_redis import CELERY_SETTINGS, mend_kombu

# Celery warns root users about pickled messages; only JSON is accepted here.
warnings.filterwarnings("ignore", category=SecurityWarning)

log = structlog.get_logger(__name__)

RunAttempt = Callable[[str, str], Coroutine[Any, Any, None]]
"""Function that runs one attempt, given a role and a record id."""


def make_celery(
    redis_url: str,
    roles: Iterable[str],
    loop: asyncio.AbstractEventLoop,
    run_attempt: RunAttempt,
) -> Celery:
    """Return a Celery app whose pool threads wait for coroutines on one event loop.

    Args:
        redis_url: The broker, which is also the ledger's Redis.
        roles: The worker's roles.
        loop: The loop, in a thread of its own.
        run_attempt: Runs on that loop.
    """
    mend_kombu()
    app = Celery("docfleet", broker=redis_url, set_as_current=False)
    app.conf.update(CELERY_SETTINGS)
    for role in roles:
        app.task(_body(role, loop, run_attempt), bind=True, name=celery_task(role))
    return app


def _body(
    role: str, loop: asyncio.AbstractEventLoop, run_attempt: RunAttempt
) -> Callable[[Task], None]:
    def task(self: Task) -> None:
        # No error may escape: with late acknowledgement a MemoryError would block the slot for
        # good.
        try:
            asyncio.run_coroutine_threadsafe(run_attempt(role, self.request.id), loop).result()
        except BaseException:  # the ledger finds the record again by its lease
            log.exception("attempt lost", role=role, record=self.request.id)

    return task
