"""Documents dropped into a bucket with plain boto3, and what came out of each.

Needs `boto3` and `httpx`. Start `docfleet up`, then:

    set -a; eval "$(docfleet env)"; set +a
    python examples/s3_drop.py demo/documents/fnol/*.pdf

Rules in `fleet.toml` say what becomes of a drop: under `fnol/` it is a job with the task `fnol`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx

CLOSED = {"succeeded", "partially_succeeded", "dead", "cancelled"}
CLOCKS_DIFFER = timedelta(minutes=5)
PATIENCE_SECONDS = 60


def job_of(api: httpx.Client, uri: str, dropped_at: datetime) -> dict[str, Any]:
    """The job that a drop became, looked for until it is there."""
    query = {"document": uri, "after": (dropped_at - CLOCKS_DIFFER).isoformat()}
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        page = api.get("/v1/jobs", params=query).raise_for_status().json()
        if page["data"]:
            return dict(page["data"][0])
        time.sleep(0.5)
    sys.exit(f"{uri} became no job: does a rule fit, and does `docfleet watch` run?")


def ended(api: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job when it has ended. Each request is answered when its state changes, or in 30 s."""
    while job["state"] not in CLOSED:
        answer = api.get(f"/v1/jobs/{job['id']}", params={"wait": 30}, timeout=40)
        job = answer.raise_for_status().json()
    return job


def main() -> None:
    """Drop the files, then print the result of each, or why there is none."""
    s3 = boto3.client("s3", region_name="us-east-1")
    incoming, folder = os.environ["DOCFLEET_INCOMING_BUCKET"], f"fnol/{uuid4()}"
    dropped_at = datetime.now(UTC)
    paths = [Path(word) for word in sys.argv[1:]]
    for path in paths:
        s3.put_object(Bucket=incoming, Key=f"{folder}/{path.name}", Body=path.read_bytes())
    headers = {"Authorization": f"Bearer {os.environ['DOCFLEET_API_KEY']}"}
    with httpx.Client(base_url=os.environ["DOCFLEET_API_URL"], headers=headers) as api:
        for path in paths:
            job = ended(api, job_of(api, f"s3://{incoming}/{folder}/{path.name}", dropped_at))
            if "result_uri" not in job:
                print(path.name, job["state"], json.dumps(job.get("failure")))
                continue
            results, _, key = job["result_uri"].removeprefix("s3://").partition("/")
            result = json.load(s3.get_object(Bucket=results, Key=key)["Body"])
            print(path.name, job["state"], json.dumps(result["tasks"]["fnol"]["data"]))


if __name__ == "__main__":
    main()
