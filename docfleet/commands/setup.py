"""Commands that prepare a fleet: `secrets` and `buckets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from docfleet.commands.arguments.options import DEFAULT_CONFIG, ConfigOption
from docfleet.commands.texts.output import say

_PATIENCE_SECONDS = 60


def secrets(
    folder: Annotated[Path, typer.Argument(help="Holds one secret a file.", metavar="FOLDER")],
    *,
    copy: Annotated[
        list[str] | None,
        typer.Option(
            help="Give another folder these and no others; may be repeated.",
            metavar="FOLDER=NAME,NAME",
        ),
    ] = None,
) -> None:
    """Generate the secrets that a folder lacks; existing ones stay.

    Exit codes: 0 all are there. 2 one is missing and the folder cannot be written, or one is empty.
    """
    from docfleet.commands.arguments import secret_files

    made = secret_files.fill(folder)
    for order in copy or ():
        target, _, names = order.rpartition("=")
        secret_files.copy(folder, Path(target), names.split(","))
    say(f"made up in {folder}: {', '.join(made)}" if made else f"{folder} is complete")


def buckets(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds for the object store to answer as it should.")
    ] = _PATIENCE_SECONDS,
) -> None:
    """Create the fleet's missing buckets, and try them out.

    boto3 finds the object store: AWS_ENDPOINT_URL_S3 and credentials.

    Exit codes: 0 they are there. 2 the object store refuses, or does not answer.
    """
    from docfleet.buckets import await_buckets
    from settings.fleet import load_settings

    settings = load_settings(config)
    names = (settings.incoming_bucket, settings.results_bucket, settings.work_bucket)
    await_buckets(names, patience_seconds=wait)
    say(f"buckets: {', '.join(names)}")


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(secrets)
    app.command()(buckets)
