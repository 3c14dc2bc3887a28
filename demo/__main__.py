"""The demo: documents into a bucket, structured results and signed webhooks out.

Run by `make demo`. Everything it makes lies under `demo/out/`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.compare import compare_document
from demo.drop import drop, s3_client
from demo.receiver import Receiver
from demo.report import as_json, figures, print_report
from docfleet.stack.temporary import StackError, scoped_stack

HERE = Path(__file__).parent
OUT = HERE / "out"
PATIENCE_SECONDS = 600
"""Maximum seconds until the next webhook, before the demo gives up."""


async def main(console: Console) -> int:
    """Run the demo; gives the exit code."""
    documents = yaml.safe_load((HERE / "documents.yaml").read_text())["documents"]
    truth = {document["path"]: document["truth"] for document in documents}
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(48)).decode()
    OUT.mkdir(exist_ok=True)
    async with Receiver(secret) as receiver:
        console.print("[bold]Starting the local stack[/] (the first start prepares the model)")
        callback = {
            "DOCFLEET_CALLBACK_URL": receiver.url,
            "DOCFLEET_CALLBACK_SECRET": secret,
        }
        async with scoped_stack(OUT / "state", variables=callback, say=console.print) as env:
            started = monotonic()
            dropped = drop(env, HERE / "documents", truth, run=secrets.token_hex(4))
            console.print(f"\n[bold]Dropped {len(dropped)} documents[/] into the bucket")
            await _watch(console, receiver, len(dropped))
            seconds = monotonic() - started
            results = await asyncio.to_thread(_collect, env, receiver)
    (OUT / "events.json").write_text(json.dumps(list(receiver.events.values()), indent=2))
    comparisons = [
        row
        for result in results
        for name in [dropped[result["document"]["uri"]]]
        for row in compare_document(name, _data(result), truth[name])
    ]
    run = figures(len(dropped), results, len(receiver.events), receiver.refused, seconds)
    print_report(console, comparisons, run)
    (OUT / "report.json").write_text(json.dumps(as_json(comparisons, run), indent=2))
    console.print(f"Results, events and logs are in {OUT.relative_to(Path.cwd())}/")
    return 0 if run.results == run.webhooks == run.documents else 1


async def _watch(console: Console, receiver: Receiver, expected: int) -> None:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("webhooks", total=expected)
        for _ in range(expected):
            event = await asyncio.wait_for(receiver.arrivals.get(), PATIENCE_SECONDS)
            progress.advance(bar)
            if event["type"] != "job.succeeded":
                failure = event["data"].get("failure", {})
                progress.print(event["type"], failure.get("message", ""), failure.get("remedy", ""))


def _collect(env: dict[str, str], receiver: Receiver) -> list[dict[str, Any]]:
    """Fetch each result that an event names, with a plain S3 client, and keep a copy."""
    client = s3_client(env)
    (OUT / "results").mkdir(exist_ok=True)
    results = []
    for event in receiver.events.values():
        uri = event["data"].get("result_uri")
        if uri is None:
            continue
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        (OUT / "results" / key).write_bytes(body)
        results.append(json.loads(body))
    return sorted(results, key=lambda result: str(result["document"]["uri"]))


def _data(result: dict[str, Any]) -> dict[str, Any]:
    return {name: task.get("data") for name, task in result["tasks"].items()}


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(Console(width=None if sys.stdout.isatty() else 132))))
    except (StackError, TimeoutError) as error:
        sys.exit(f"demo: {error or 'no webhook came in time'}; see {OUT}/state/logs")
