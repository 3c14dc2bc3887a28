"""Measure the batch path: lines that become jobs on one core, and the memory that it takes.

One process on one core reads a file from the object store, validates each line and writes its job
into a local Valkey. Nothing runs the jobs. Peak memory is measured for batches of different sizes:
it has to be the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import tempfile
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from bench.table import print_table, write_json
from docfleet.stack.temporary import scoped_stack
from ledger.ledger import Ledger
from ledger.openai.batch_record import BatchRecord
from schemas.openai.batch import BatchSpec, new_batch_id
from schemas.openai.file import FilePurpose, FileSpec, file_key, new_file_id
from settings.chat_models import ChatModels
from settings.environment import apply_environment
from settings.fleet import FleetSettings, load_settings
from storage.s3 import S3Store
from workers.batch.stage import BatchStage

CONFIG = Path(__file__).parents[1] / "fleet.toml"
_LEASE_SECONDS = 600
_SCHEMA = {
    "type": "object",
    "properties": {"peril": {"enum": ["hail", "fire"]}, "count": {"type": "integer"}},
    "required": ["peril", "count"],
    "additionalProperties": False,
}
_MIB = 2**20


def _line(number: int) -> str:
    text = f"Claim {number}: hail broke {number % 7} skylights on 3 May. " * 8
    body = {
        "model": "smollm2",
        "messages": [{"role": "user", "content": text}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "loss", "strict": True, "schema": _SCHEMA},
        },
    }
    return json.dumps(
        {"custom_id": f"claim-{number}", "method": "POST", "url": "/v1/chat/completions"}
        | {"body": body}
    )


async def _upload(settings: FleetSettings, ledger: Ledger, store: S3Store, lines: int) -> str:
    """Upload a file of lines, and return the id of its batch."""
    file_id, batch_id = new_file_id(), new_batch_id()
    uri = f"s3://{settings.work_bucket}/{file_key(file_id)}"
    upload = store.open_upload(uri, media_type="application/jsonl")
    for number in range(lines):
        await upload.write(_line(number).encode() + b"\n")
    await upload.complete()
    spec = FileSpec(uri=uri, filename="in.jsonl", bytes=upload.size, purpose=FilePurpose.BATCH)
    await ledger.files.create(file_id, spec, 86_400)
    batch = BatchSpec(
        input_file_id=file_id, input_uri=uri, completion_window="24h", output_seconds=86_400
    )
    await ledger.batches.create(batch_id, batch)
    return batch_id


async def _take_in(settings: FleetSettings, lines: int) -> dict[str, Any]:
    if settings.redis_url is None:
        raise RuntimeError("the stack named no Redis")
    # Another database of the same Valkey: the stack's own worker does not look there.
    server, _, _ = settings.redis_url.get_secret_value().rpartition("/")
    ledger, store = Ledger(f"{server}/1"), S3Store()
    stage = BatchStage(ledger, store, settings, ChatModels(settings, {}))
    batch_id = await _upload(settings, ledger, store, lines)
    claim = await ledger.claim(batch_id, "bench", _LEASE_SECONDS)
    if claim is None:
        raise RuntimeError(f"{batch_id} was taken by somebody else")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = monotonic(), process_time()
    await stage.run(claim)
    seconds, cpu = monotonic() - started, process_time() - cpu
    batch: BatchRecord | None = await ledger.batches.get(batch_id)
    if batch is None or batch.written != lines:
        raise RuntimeError(f"not every line became a job: {batch}")
    await ledger.close()
    store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "lines": lines,
        "seconds": seconds,
        "jobs/s": round(lines / seconds),
        "CPU us/job": round(cpu / lines * 1e6),
        "peak MiB": round(peak / 1024),
        "of it here": round((peak - before) / 1024),
    }


def _process(config: Path, lines: int, core: int, answers: Any) -> None:
    """In a process of its own, so that each size has its own peak."""
    os.sched_setaffinity(0, {core})
    answers.put(asyncio.run(_take_in(load_settings(config), lines)))


def _measure(lines: int, core: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_process, args=(CONFIG, lines, core, answers))
    process.start()
    answer: dict[str, Any] = answers.get(timeout=_LEASE_SECONDS)
    process.join()
    return answer


async def run(sizes: list[int], out: Path | None) -> None:
    """Measure each size on a stack of its own, and print the table."""
    rows = []
    core = min(os.sched_getaffinity(0))
    for lines in sizes:
        with tempfile.TemporaryDirectory() as folder:
            async with scoped_stack(
                Path(folder), options=("--engine", "scripted"), say=print
            ) as environment:
                apply_environment(environment)
                rows.append(await asyncio.to_thread(_measure, lines, core))
    print_table("Batch lines that become jobs, on one core", rows)
    write_json(out, {"intake": rows})


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    asyncio.run(run(options.lines, options.json))


if __name__ == "__main__":
    main()
