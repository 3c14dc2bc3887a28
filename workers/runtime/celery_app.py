"""The Celery side of a worker: one task a role, each of which hands a record id to the loop."""

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

# Celery warns root of pickled messages; JSON is all that is taken here.
warnings.filterwarnings("ignore", category=SecurityWarning)

log = structlog.get_logger(__name__)

RunAttempt = Callable[[str, str], Coroutine[Any, Any, None]]
"""Given a role and a record id, runs one attempt."""


def make_celery(
    redis_url: str,
    roles: Iterable[str],
    loop: asyncio.AbstractEventLoop,
    run_attempt: RunAttempt,
) -> Celery:
    """A Celery app whose pool threads wait for coroutines on one event loop.

    Args:
        redis_url: The broker, which is the ledger's own Redis.
        roles: What the worker serves.
        loop: Runs in a thread of its own.
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
        # Nothing may escape: with late acknowledgement a MemoryError would wedge the slot for good.
        try:
            asyncio.run_coroutine_threadsafe(run_attempt(role, self.request.id), loop).result()
        except BaseException:  # the ledger finds the record again by its lease
            log.exception("attempt lost", role=role, record=self.request.id)

    return task
