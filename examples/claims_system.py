"""A claims system: it sends loss notices, is told when they have been read, and keeps the results.

Needs `fastapi`, `httpx`, `standardwebhooks` and `uvicorn`. Start `docfleet up` with
DOCFLEET_CALLBACKS__ALLOW_NETWORKS='["127.0.0.1:8090"]' in its environment, then:

    set -a; eval "$(docfleet env)"; set +a
    python examples/claims_system.py register http://127.0.0.1:8090/docfleet
    python examples/claims_system.py serve --port 8090 &
    python examples/claims_system.py submit HM-1 demo/documents/fnol/water-damage.pdf
    curl http://127.0.0.1:8090/claims

What it knows lies in one SQLite file, named by CLAIMS_DB. So it can be killed at any moment and
started again, and it can be told the same thing twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

TENANT = "claims"
EVENTS = ["job.succeeded", "job.partially_succeeded", "job.failed", "job.cancelled"]
HAS_RESULT = {"succeeded", "partially_succeeded"}
RETRY_SECONDS = 2
TABLES = """
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (webhook_id TEXT PRIMARY KEY, body TEXT NOT NULL, handled INTEGER);
CREATE TABLE IF NOT EXISTS claim (
    job_id TEXT PRIMARY KEY, claim TEXT, sequence INTEGER, state TEXT, problem TEXT, result TEXT
);
"""
log = logging.getLogger("claims")


class Store:
    """The claims system's data. Each change is in the file when its call returns."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # it holds secrets
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(TABLES)

    def secrets(self) -> dict[str, str]:
        """The own key and the signing secret, once they are there."""
        return dict(tuple(row) for row in self._db.execute("SELECT name, value FROM secret"))

    def keep_secret(self, name: str, value: str) -> None:
        """Keep what docfleet shows once."""
        self._db.execute("INSERT INTO secret VALUES (?, ?)", (name, value))

    def add_claim(self, job_id: str, claim: str, state: str) -> None:
        """A claim that was sent, unless its event was faster."""
        values = (job_id, claim, state)
        self._db.execute("INSERT OR IGNORE INTO claim VALUES (?, ?, 0, ?, NULL, NULL)", values)

    def add_event(self, webhook_id: str, body: str) -> bool:
        """An event that arrived; False when it had arrived before."""
        values = (webhook_id, body)
        added = self._db.execute("INSERT OR IGNORE INTO event VALUES (?, ?, FALSE)", values)
        return added.rowcount == 1

    def unhandled(self) -> list[tuple[str, dict[str, Any]]]:
        """Events that arrived and are not handled, by `webhook-id`."""
        rows = self._db.execute("SELECT webhook_id, body FROM event WHERE NOT handled")
        return [(row["webhook_id"], json.loads(row["body"])) for row in rows.fetchall()]

    def handle(self, webhook_id: str, claim: dict[str, Any] | None) -> None:
        """An event is handled, and the claim is as it says unless a later event said otherwise."""
        with self._db:
            self._db.execute("BEGIN")
            if claim is not None:
                self._db.execute(
                    "INSERT INTO claim VALUES (:job_id, :claim, :sequence, :state, :problem,"
                    " :result) ON CONFLICT DO UPDATE SET sequence = excluded.sequence,"
                    " state = excluded.state, problem = excluded.problem, result = excluded.result"
                    " WHERE excluded.sequence > sequence",
                    claim,
                )
            self._db.execute("UPDATE event SET handled = TRUE WHERE webhook_id = ?", (webhook_id,))

    def claims(self) -> list[dict[str, Any]]:
        """Return all claims, each with its result or with its failure."""
        rows = [dict(row) for row in self._db.execute("SELECT * FROM claim ORDER BY rowid")]
        return [{**row, "result": json.loads(row["result"] or "null")} for row in rows]


def receiver(store: Store) -> FastAPI:
    """The web server: takes events in, and lists the claims."""
    webhook = Webhook(store.secrets()["signing"])
    arrived = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        handling = asyncio.create_task(handle_events(store, arrived))
        yield
        handling.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.post("/docfleet")
    async def receive(request: Request) -> Response:
        body = await request.body()
        try:
            webhook.verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            log.warning("refused: the signature is not docfleet's")
            return Response(status_code=400)
        if json.loads(body)["data"]["tenant"] != TENANT:
            log.warning("refused: the event is another tenant's")
            return Response(status_code=400)
        # Once this is on disk docfleet may forget the event. The work comes after the answer.
        if store.add_event(request.headers["webhook-id"], body.decode()):
            arrived.set()
        return Response(status_code=204)

    @app.get("/claims")
    async def claims() -> list[dict[str, Any]]:
        return store.claims()

    return app


async def handle_events(store: Store, arrived: asyncio.Event) -> None:
    """Handle what has arrived, also before a restart; what fails is tried again a little later."""
    async with httpx.AsyncClient(**docfleet(store.secrets()["key"])) as api:
        while True:
            arrived.clear()
            for webhook_id, event in store.unhandled():
                try:
                    claim = await claim_of(event, api) if event["type"] in EVENTS else None
                except httpx.HTTPError as error:
                    log.warning("%s has to wait: %r", webhook_id, error)
                else:
                    store.handle(webhook_id, claim)
                    log.info("%s: %s", event["type"], claim and (claim["problem"] or "all is well"))
            with suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), RETRY_SECONDS)


async def claim_of(event: dict[str, Any], api: httpx.AsyncClient) -> dict[str, Any]:
    """The claim as an event tells of it, with the result where there is one."""
    job = event["data"]
    failures = {"job": job["failure"]} if "failure" in job else {}
    result = None
    if job["state"] in HAS_RESULT:
        answer = (await api.get(f"/v1/jobs/{job['id']}/result")).raise_for_status()
        result = answer.text
        tasks = answer.json()["tasks"].items()
        failures = {name: task["failure"] for name, task in tasks if task["status"] == "failed"}
    problems = [f"{of}: {why['code']}: {why['message']}" for of, why in failures.items()]
    return {
        "job_id": job["id"],
        "claim": job["metadata"].get("claim"),
        "sequence": job["sequence"],
        "state": job["state"],
        "problem": "; ".join(problems) or None,
        "result": result,
    }


def docfleet(key: str) -> dict[str, Any]:
    """Return a client of docfleet's API that sends the key."""
    headers = {"Authorization": f"Bearer {key}", "Docfleet-Tenant": TENANT}
    return {"base_url": os.environ["DOCFLEET_API_URL"], "headers": headers, "timeout": 30}


def register(store: Store, url: str) -> None:
    """With the operator's key: make an own one that can do less, and name the receiver."""
    known = store.secrets()
    with httpx.Client(**docfleet(os.environ["DOCFLEET_API_KEY"])) as api:
        if "key" not in known:
            wanted = {"label": "claims system", "tenant": TENANT, "scopes": ["submit", "read"]}
            store.keep_secret("key", checked(api.post("/v1/keys", json=wanted))["key"])
        if "signing" not in known:
            store.keep_secret("signing", endpoint(api, url)["secret"])
    print("registered")


def endpoint(api: httpx.Client, url: str) -> dict[str, Any]:
    """An endpoint for the URL; one that is there, and whose secret was lost, gets a new secret."""
    for one in checked(api.get("/v1/endpoints"))["data"]:
        if one["url"] == url:
            return checked(api.post(f"/v1/endpoints/{one['id']}/rotate-secret"))
    return checked(api.post("/v1/endpoints", json={"url": url, "events": EVENTS}))


def submit(store: Store, claim: str, document: Path) -> None:
    """Send a loss notice. The claim's number is the idempotency key: twice is still one job."""
    terms = {"tasks": ["fnol", "summary"], "metadata": {"claim": claim}}
    with httpx.Client(**docfleet(store.secrets()["key"])) as api, document.open("rb") as file:
        job = checked(
            api.post(
                "/v1/jobs",
                headers={"Idempotency-Key": claim},
                files={
                    "request": (None, json.dumps(terms), "application/json"),
                    "file": (document.name, file),
                },
            )
        )
    store.add_claim(job["id"], claim, job["state"])
    print(job["id"])


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON; ends the program with docfleet's own words where it refuses."""
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        sys.exit(f"{answer.status_code}: {body['detail']}")
    return body


def main() -> None:
    """Register, serve or submit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("register").add_argument("url", help="where docfleet finds this receiver")
    commands.add_parser("serve").add_argument("--port", type=int, default=8090)
    sending = commands.add_parser("submit")
    sending.add_argument("claim")
    sending.add_argument("document", type=Path)
    asked = parser.parse_args()
    store = Store(Path(os.environ.get("CLAIMS_DB", "claims.sqlite3")))
    if asked.command == "register":
        register(store, asked.url)
    elif "signing" not in store.secrets():
        sys.exit("register first")
    elif asked.command == "submit":
        submit(store, asked.claim, asked.document)
    else:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        uvicorn.run(receiver(store), port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
