"""Commands that run the producer's parts: `api` and `watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from docfleet.commands.arguments.options import (
    DEFAULT_CONFIG,
    DEFAULT_STATE_DIR,
    ConfigOption,
    StateDirOption,
)
from docfleet.stack.ports import LOOPBACK
from settings.logs import configure_logs

_API_PORT = 8000
_EVENTS_PORT = 8001

HostOption = Annotated[str, typer.Option(help="Where to listen.", metavar="ADDRESS")]


def api(
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    host: HostOption = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Its port; 0 finds a free one.")
    ] = _API_PORT,
) -> None:
    """Serve the HTTP API in the foreground until SIGTERM; DOCFLEET_API_KEY is its key."""
    configure_logs("api")
    from docfleet.commands.errors import explained
    from docfleet.fleet_settings import connected_settings
    from producer.http.server import serve

    with explained():
        serve(connected_settings(config, state_dir), host, port)


def watch(
    config: ConfigOption = DEFAULT_CONFIG,
    state_dir: StateDirOption = DEFAULT_STATE_DIR,
    *,
    host: HostOption = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="For bucket events; 0 finds a free one.")
    ] = _EVENTS_PORT,
) -> None:
    """Turn objects that are dropped into watched buckets into jobs, until SIGTERM.

    Bucket events come from the SQS queues in fleet.toml, and from POST /events with the bearer
    token DOCFLEET_EVENTS_TOKEN. Without both, the buckets are only listed.
    """
    configure_logs("watch")
    from docfleet.commands.errors import explained
    from docfleet.fleet_settings import connected_settings
    from producer.drops.process import watch as run_watcher

    with explained():
        run_watcher(connected_settings(config, state_dir), host, port)


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(api)
    app.command()(watch)
