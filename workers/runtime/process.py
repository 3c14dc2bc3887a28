"""One worker process: an event loop with stages, and Celery in front of it.

It loads what the stages need, takes work until SIGTERM, lets it finish within the drain budget,
gives the rest back, and frees the device.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from celery import signals

from ledger.errors import LedgerError, LedgerRefusedError, LedgerUnavailableError
from ledger.fleet.window import window
from ledger.ledger import Ledger
from settings.errors import SettingsError
from settings.fleet import FleetSettings
from settings.metrics_endpoint import serving_metrics
from settings.ready import announce_ready
from settings.signs_of_life import SignsOfLife
from workers.runtime.attempts import GIVE_BACK_SECONDS, Attempts
from workers.runtime.celery_app import make_celery
from workers.runtime.event_loop import LoopThread
from workers.runtime.heartbeat import Heartbeat, LastBeat
from workers.runtime.sweep import sweep_forever
from workers.stage import WorkerStage

log = structlog.get_logger(__name__)

EXIT_ENGINE_DIED = 70
_LOOK_SECONDS = 0.2

MakeStages = Callable[["WorkerProcess"], Mapping[str, WorkerStage]]
"""Function that builds the stages of a process, by role, on its event loop."""


class WorkerProcess:
    """Serves one or more roles until SIGTERM.

    Args:
        settings: The fleet's.
        redis_url: The ledger's Redis, which is also Celery's broker.
        make_stages: Builds the stages.
    """

    def __init__(
        self,
        settings: FleetSettings,
        redis_url: str,
        make_stages: MakeStages,
    ) -> None:
        station = settings.worker_name or socket.gethostname()
        self.name = f"{station}-{os.getpid()}-{secrets.token_hex(2)}"
        self._redis_url = redis_url
        self._settings = settings
        self._lease = settings.lease
        self._make_stages = make_stages
        self._last_beat = LastBeat(settings.lease.seconds)
        self._exit_code = 0
        self._draining = False
        self._is_ready = False
        self._background: list[asyncio.Task[None]] = []

    def run(self) -> int:
        """Work until SIGTERM; return the exit code.

        Raises:
            SettingsError: Redis refuses the password, or the metrics' port is not available.
            EngineStartError: The engine cannot start.
        """
        with (
            serving_metrics(self._settings, self._last_beat.health_problem),
            LoopThread() as thread,
        ):
            self._thread = thread
            self._signs = thread.call(self._give_signs())
            thread.call(self._open())
            try:
                self._consume()
            finally:
                thread.call(self._close())
        return self._exit_code

    async def _open(self) -> None:
        self.ledger = Ledger(self._redis_url)
        await self._redis_answers()  # report a wrong password before anything is loaded
        self._stages = self._make_stages(self)
        await self._await_redis()
        await self._bury_predecessor()
        for stage in self._stages.values():
            await stage.start()
        self._attempts = Attempts(self.ledger, self.name, self._lease, self._stages)
        self._heartbeat = Heartbeat(
            self.ledger,
            self.name,
            self._lease,
            self._attempts,
            self._stages.values(),
            self._last_beat,
        )

    async def _give_signs(self) -> asyncio.Task[None]:
        """Signal to the keeper that the event loop turns, whether Redis answers or not."""
        return asyncio.create_task(SignsOfLife().give_forever(self._longest_silence))

    def _longest_silence(self) -> float:
        return self._lease.hang_seconds if self._is_ready else self._lease.start_seconds

    async def _await_redis(self) -> None:
        """Wait for a Redis that is starting or loading its data."""
        waiting = False
        while not await self._redis_answers():
            if not waiting:
                log.warning("waiting for Redis")
            waiting = True
            await asyncio.sleep(_LOOK_SECONDS)

    async def _redis_answers(self) -> bool:
        """Tell whether Redis answers.

        Raises:
            SettingsError: Redis refuses the password; Celery would retry for ever.
        """
        try:
            await self.ledger.ping()
        except LedgerRefusedError as error:
            await self.ledger.close()
            raise SettingsError(str(error)) from error
        except LedgerUnavailableError:
            return False
        return True

    async def _bury_predecessor(self) -> None:
        """Report that the former process with this worker's name has ended."""
        if self._settings.worker_name is None:
            return
        with suppress(LedgerUnavailableError):  # the leases will expire
            buried = await self.ledger.deaths.bury(
                self._settings.worker_name, losses=self._lease.attempts, living=self.name
            )
            if buried.workers:
                log.warning("predecessor died", **buried._asdict())

    def _consume(self) -> None:
        """Run Celery in this thread, the main one."""
        app = make_celery(self._redis_url, self._stages, self._thread.loop, self._attempts.run)
        signals.setup_logging.connect(_leave_logs_alone)
        signals.worker_ready.connect(self._on_ready)
        signals.worker_shutting_down.connect(self._on_shutting_down)
        worker = app.Worker(
            hostname=f"docfleet@{self.name}",
            pool="threads",
            # As many threads as the windows send messages, so that no role starves another.
            concurrency=sum(window(stage.max_capacity) for stage in self._stages.values()),
            queues=[stage.queue for stage in self._stages.values()],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=not self._settings.celery_events,
            task_events=self._settings.celery_events,
            quiet=True,
        )
        worker.start()
        self._exit_code = self._exit_code or worker.exitcode or 0

    def _on_ready(self, **_: Any) -> None:
        self._thread.call(self._take_work())
        # Celery's own reaction to a second Ctrl-C does not fit its pool of threads.
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
        log.info("ready", worker=self.name, roles=sorted(self._stages))
        self._is_ready = True
        announce_ready()

    async def _take_work(self) -> None:
        tenants = self._settings.tenants.items()
        await self.ledger.set_tenants(
            {name: one.weight for name, one in tenants if one.weight != 1},
            {name: one.max_in_flight for name, one in tenants if one.max_in_flight},
        )
        with suppress(LedgerError):  # a reader of `ready` finds the worker in the ledger
            await self._heartbeat.beat()
        self._background = [
            asyncio.create_task(self._heartbeat.beat_forever()),
            asyncio.create_task(sweep_forever(self.ledger, self._lease, self._settings.retention)),
        ]

    def _on_shutting_down(self, **_: Any) -> None:
        self._thread.loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        """Let work finish for some time; on a second signal, give it back at once."""
        if self._draining:
            self._attempts.give_all_back()
            return
        self._draining = True
        log.info("draining", seconds=self._lease.drain_seconds)
        self._heartbeat.retire()
        asyncio.get_running_loop().call_later(
            self._lease.drain_seconds, self._attempts.give_all_back
        )

    def engine_died(self) -> None:
        """Take no more work and end; the supervisor starts a new process."""
        if self._exit_code == 0:
            log.error("engine died: this worker ends and has to be started again")
            self._exit_code = EXIT_ENGINE_DIED
            self._attempts.accepting = False
            os.kill(os.getpid(), signal.SIGTERM)

    async def _close(self) -> None:
        if self._draining:
            # Celery has waited for its own attempts; suspects run beside it.
            await self._attempts.settled(self._lease.drain_seconds)
        self._attempts.give_all_back()
        await self._attempts.settled(GIVE_BACK_SECONDS)
        for task in self._background:
            task.cancel()
        for stage in self._stages.values():
            await stage.stop()
        await self.ledger.close()


def _leave_logs_alone(**_: Any) -> None:
    """Keep Celery from configuring logs: a receiver of `setup_logging` does that."""
