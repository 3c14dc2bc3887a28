"""The supervisor: starts a stack layer by layer, keeps it alive, and stops it."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence

from docfleet.processes.guard import Guard
from docfleet.processes.keeper import PartKeeper
from docfleet.processes.part import Part, PartState
from docfleet.stack.announcer import Announcer
from docfleet.stack.record import PartRow, StackRecord
from docfleet.stack.state_dir import StateDir

_TOLD = frozenset({PartState.READY, PartState.RESTARTING, PartState.FAILED, PartState.STOPPED})


class Supervisor:
    """Supervises one stack, in the foreground.

    Args:
        layers: Parts that start together; a layer starts when the one before it is ready, except
            its early parts, and stops when the one after it has stopped.
        environment: Variables that reach the stack, for `docfleet env`.
        state: The state directory, held by this process.
        announcer: Prints the changes.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[Part]],
        environment: Mapping[str, str],
        state: StateDir,
        announcer: Announcer,
    ) -> None:
        self._layers = layers
        self._environment = dict(environment)
        self._state = state
        self._announcer = announcer
        self._keepers: dict[str, PartKeeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_up = False

    async def run(self) -> None:
        """Run the stack until SIGINT or SIGTERM.

        Raises:
            PartFailedError: A part did not become ready; everything is stopped again.
        """
        self._halt: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._guard = Guard(f"{self._state.family}.")
        self._on_signals(self._on_signal)
        try:
            await self._come_up()
            await self._halt
        finally:
            await self._go_down()
            self._guard.end()
            self._state.forget_stack()

    def _on_signals(self, handler: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, handler)

    def _on_signal(self) -> None:
        if not self._halt.done():
            self._announcer.say("stopping: work in progress may finish; Ctrl-C again to hurry")
            self._halt.set_result(None)
        else:
            for keeper in self._keepers.values():
                keeper.stop()
                keeper.kill()

    async def _come_up(self) -> None:
        for part in itertools.chain(*self._layers):
            if part.early:
                self._start(part)
        for layer in self._layers:
            keepers = [self._keepers.get(part.name) or self._start(part) for part in layer]
            ready = asyncio.create_task(_all_ready(keepers))
            await asyncio.wait({ready, self._halt}, return_when=asyncio.FIRST_COMPLETED)
            if self._halt.done():
                ready.cancel()
                return
        self._is_up = True
        self._announcer.say("docfleet is ready")

    def _start(self, part: Part) -> PartKeeper:
        keeper = PartKeeper(
            part,
            family=self._state.family,
            logs=self._state.logs,
            guard=self._guard,
            changed=self._on_change,
        )
        self._keepers[part.name] = keeper
        self._tasks[part.name] = task = asyncio.create_task(keeper.keep())
        task.add_done_callback(self._on_end)
        return keeper

    def _on_end(self, task: asyncio.Task[None]) -> None:
        error = task.exception()
        if error is None:
            return
        if self._is_up:
            self._announcer.say(str(error))
        elif not self._halt.done():
            self._halt.set_exception(error)

    def _on_change(self, keeper: PartKeeper, words: str) -> None:
        if keeper.state in _TOLD or keeper.step:
            said = f"{words}  {keeper.part.note}" if keeper.part.note else words
            self._announcer.part(keeper.part.roles, keeper.state, said)
        rows = [
            PartRow(
                role=role,
                pid=one.pid,
                state=one.state,
                restarts=one.restarts,
                note=one.step or one.part.note,
            )
            for one in self._keepers.values()
            for role in one.part.roles
        ]
        self._state.record_stack(StackRecord(environment=self._environment, parts=rows))

    async def _go_down(self) -> None:
        """Stop the last layer first: workers drain while their servers are up."""
        for layer in reversed(self._layers):
            names = [part.name for part in layer if part.name in self._keepers]
            for name in names:
                self._keepers[name].stop()
            await asyncio.gather(*(self._tasks[name] for name in names), return_exceptions=True)


async def _all_ready(keepers: Iterable[PartKeeper]) -> None:
    for keeper in keepers:
        await keeper.ready.wait()
