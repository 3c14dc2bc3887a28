"""A local stack for the length of a block, started with the command that users type."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from settings.environment import part_environment


class StackError(Exception):
    """The stack did not become ready."""


@asynccontextmanager
async def scoped_stack(
    state_dir: Path,
    *,
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    say: Callable[[str], None],
) -> AsyncIterator[dict[str, str]]:
    """Run `docfleet up`, and stop it at the end of the block.

    Args:
        state_dir: Folder of its data, models and logs.
        options: More options of `up`, such as `--engine scripted`.
        variables: Variables that are added to the environment of `up`.
        say: Called with each line that `up` prints.

    Yields:
        The variables of `docfleet env`: endpoints and credentials by name.

    Raises:
        StackError: The stack ended before it was ready.
    """
    command = [sys.executable, "-m", "docfleet"]
    up = await asyncio.create_subprocess_exec(
        *command, "up", "--state-dir", str(state_dir), *options,
        env=part_environment(variables or {}),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        await _until_ready(up, say)
        env = await asyncio.create_subprocess_exec(
            *command, "env", "--json", "--state-dir", str(state_dir),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await env.communicate()
        rest = asyncio.create_task(_pass_on(up, say))
        yield json.loads(printed)
        rest.cancel()
    finally:
        if up.returncode is None:
            up.send_signal(signal.SIGINT)
        await up.wait()


async def _until_ready(up: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
    async for line in _lines(up):
        say(line)
        if line == "docfleet is ready":
            return
    raise StackError(f"docfleet up ended with exit code {await up.wait()} before it was ready")


async def _pass_on(up: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
    async for line in _lines(up):
        say(line)


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    if process.stdout is not None:
        async for line in process.stdout:
            yield line.decode().rstrip()
