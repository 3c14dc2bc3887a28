"""Commands that print the public contract: `schemas` and `failures`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from docfleet.commands.arguments.options import JsonOption
from docfleet.commands.texts.failure_page import failure_page
from docfleet.commands.texts.output import say
from schemas.failure import FAILURES
from schemas.published import public_schemas


def schemas(
    out: Annotated[Path, typer.Option(help="The folder to write to.", metavar="FOLDER")],
) -> None:
    """Write the JSON Schemas of the public contract, one file each."""
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in public_schemas().items():
        text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
        (out / f"{name}.schema.json").write_text(text, encoding="utf-8")
        say(f"wrote {out / name}.schema.json")


def failures(
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write a page with a table to this file.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the failure codes, each with its meaning and its remedy."""
    if out is not None:
        out.write_text("\n".join(failure_page()) + "\n", encoding="utf-8")
        say(f"wrote {out}")
        return
    if as_json:
        rows = {
            code: {"class": info.failure_class, "meaning": info.meaning, "remedy": info.remedy}
            for code, info in FAILURES.items()
        }
        say(json.dumps(rows, indent=2))
        return
    for code, info in FAILURES.items():
        say(f"{code}  ({info.failure_class})\n  {info.meaning}\n  {info.remedy}")


def add_commands(app: typer.Typer) -> None:
    """Add them to the command."""
    app.command()(schemas)
    app.command()(failures)
