"""Each example as a user runs it, on a real stack with the scripted engine."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pypdfium2
import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from docfleet.stack.ports import Ports
from docfleet.stack.temporary import scoped_stack
from settings.environment import part_environment
from tests.acceptance.running_stack import ROOT, SECRET
from tests.fixtures.claims import ClaimsSystem
from tests.fixtures.waiting import until

EXAMPLES = ROOT / "examples"
NOTICE = ROOT / "demo" / "documents" / "fnol" / "water-damage.pdf"
HOPELESS = "docfleet-fault: request-refused\nHail broke two skylights."
HALF_HOPELESS = ("hail " * 100 + "\n") * 30
"""A summary of it is longer than the stack's task `summary` may be."""
VARIABLES = {
    "DOCFLEET_SCRIPTED__SECONDS_PER_TOKEN": "0.01",
    "DOCFLEET_CALLBACKS__ALLOW_NETWORKS": '["127.0.0.1:1-65535"]',
    "DOCFLEET_CALLBACKS__SCHEDULE_SECONDS": json.dumps([5] * 20),
}

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def env(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """Return the variables of a stack whose summaries have to be short."""
    folder = tmp_path_factory.mktemp("fleet")
    shutil.copy(ROOT / "fleet.toml", folder)
    shutil.copytree(ROOT / "tasks", folder / "tasks")
    summary = folder / "tasks" / "summary.yaml"
    text = summary.read_text()
    short = text.replace("max_output_tokens: 420", "max_output_tokens: 40\n  repairs: 0")
    assert short != text
    summary.write_text(short)
    options = ("--engine", "scripted", "--config", str(folder / "fleet.toml"))
    async with scoped_stack(
        folder / "state", options=options, variables=VARIABLES, say=print
    ) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def claims(env: dict[str, str], tmp_path: Path) -> AsyncIterator[ClaimsSystem]:
    """A registered claims system that does not serve yet."""
    port = Ports(tmp_path / "ports.json").choose("claims")
    system = ClaimsSystem(EXAMPLES / "claims_system.py", env, tmp_path, port)
    system.register()
    yield system
    system.kill()
    for endpoint in (await _operate(env, "GET", "/v1/endpoints")).json()["data"]:
        await _operate(env, "DELETE", f"/v1/endpoints/{endpoint['id']}")


def _notice(folder: Path, text: str) -> Path:
    path = folder / "notice.txt"
    path.write_text(text)
    return path


def _text_of(pdf: Path) -> str:
    """Return the text of a PDF's pages."""
    return "\n".join(
        page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf.read_bytes())
    )


def _run(env: dict[str, str], *words: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        env=part_environment(env), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def _operate(env: dict[str, str], method: str, path: str, **params: str) -> httpx.Response:
    """Send a request of the operator for the claims system's tenant."""
    headers = {
        "Authorization": f"Bearer {env['DOCFLEET_API_KEY']}",
        "Docfleet-Tenant": "claims",
    }
    async with httpx.AsyncClient(base_url=env["DOCFLEET_API_URL"], headers=headers) as api:
        return (await api.request(method, path, params=params)).raise_for_status()


async def test_a_boto3_drop_brings_its_result_or_says_why_there_is_none(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Put into the bucket, found by the listing, read from the results bucket."""
    hopeless = tmp_path / "hopeless claim+1.txt"
    hopeless.write_text(HOPELESS)
    printed = await asyncio.to_thread(
        _run, env, sys.executable, EXAMPLES / "s3_drop.py", NOTICE, hopeless
    )
    good, bad = printed.splitlines()
    name, state, data = good.split(" ", 2)
    assert (name, state) == (NOTICE.name, "succeeded")
    assert json.loads(data)["policy_number"] in _text_of(NOTICE)
    assert bad.startswith(f'{hopeless.name} dead {{"code": "engine.refused"')


async def test_curl_alone_submits_waits_reads_lists_cancels_and_is_refused(
    env: dict[str, str], tmp_path: Path
) -> None:
    """Run twice with one claim, it is one job."""
    notice = _notice(tmp_path, "docfleet-fault: slow 4\nPolicy CR-553120\nHail.")
    first = await asyncio.to_thread(_run, env, EXAMPLES / "curl.sh", "HM-7", notice)
    again = await asyncio.to_thread(_run, env, EXAMPLES / "curl.sh", "HM-7", notice)
    steps = [part.splitlines()[1:] for part in first.split("# ")[1:]]
    submit, wait, result, listed, cancel, error = [list(map(json.loads, step)) for step in steps]
    job_id = submit[0]["id"]
    assert submit[0]["state"] in {"queued", "running"}
    assert wait[-1]["state"] == "succeeded"
    assert result[0]["tasks"]["fnol"]["data"]["policy_number"] in notice.read_text()
    assert [job["id"] for job in listed[0]["data"]] == [job_id]
    assert cancel[-1]["state"] == "cancelled"
    assert error[0]["type"] == "urn:docfleet:problem:unknown-task"
    assert again.count(f'{{"id":"{job_id}","state":"succeeded"') == 2


async def test_openais_client_is_answered(env: dict[str, str]) -> None:
    """One chat; the batch runs on the real engine in test_openai.py."""
    question = "Hail broke two skylights."
    printed = await asyncio.to_thread(
        _run, env, sys.executable, EXAMPLES / "openai_chat.py", question
    )
    assert printed.strip() == question


async def test_the_claims_system_keeps_results_and_shows_what_went_wrong(
    claims: ClaimsSystem, tmp_path: Path
) -> None:
    """A success, a job of which one task failed, and a dead letter, each with its reason."""
    claims.start()
    notices = {"HM-11": "Claim HM-11. Hail.", "HM-12": HALF_HOPELESS, "HM-13": HOPELESS}
    for claim, text in notices.items():
        claims.submit(claim, _notice(tmp_path, text))
    found = {row["claim"]: row for row in await claims.ended(3)}
    assert {claim: row["state"] for claim, row in found.items()} == {
        "HM-11": "succeeded", "HM-12": "partially_succeeded", "HM-13": "dead",
    }  # fmt: skip
    assert found["HM-11"]["result"]["tasks"].keys() == {"fnol", "summary"}
    assert found["HM-11"]["problem"] is None
    assert found["HM-12"]["result"]["tasks"]["fnol"]["status"] == "succeeded"
    assert found["HM-12"]["problem"].startswith("summary: output.truncated: ")
    assert found["HM-13"]["result"] is None
    assert found["HM-13"]["problem"].startswith("job: engine.refused: ")


async def test_a_claims_system_that_lost_its_file_registers_again(
    claims: ClaimsSystem, env: dict[str, str]
) -> None:
    """The system keeps its endpoint, and receives later events."""
    claims.lose_file()
    claims.register()
    assert len((await _operate(env, "GET", "/v1/endpoints")).json()["data"]) == 1
    claims.start()
    job_id = claims.submit("HM-51", NOTICE)
    (row,) = await claims.ended(1)
    assert row["result"]["job_id"] == job_id


async def test_the_claims_system_takes_a_repeated_delivery_once_and_a_forged_one_never(
    claims: ClaimsSystem, env: dict[str, str]
) -> None:
    """The replay is acknowledged like the first delivery; the forgery is answered 400."""
    claims.start()
    job_id = claims.submit("HM-21", NOTICE)
    assert claims.submit("HM-21", NOTICE) == job_id
    before = await claims.ended(1)
    (told,) = (await _operate(env, "GET", "/v1/deliveries", job=job_id)).json()["data"]
    await _operate(env, "POST", f"/v1/deliveries/{told['id']}/replay")

    async def acknowledged_twice() -> bool:
        answer = await _operate(env, "GET", f"/v1/deliveries/{told['id']}")
        return [one["answer"]["status"] for one in answer.json()["history"]].count(204) == 2

    await until(acknowledged_twice)
    body = json.dumps({"type": "job.succeeded", "data": {"id": job_id, "sequence": 9}})
    now = datetime.now(UTC)
    forged = {
        "webhook-id": "msg_forged",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_forged", now, body),
    }
    assert claims.tell(body, forged) == 400
    assert claims.tell(body, {}) == 400
    of_another = json.dumps({"type": "job.failed", "data": {"id": job_id, "tenant": "globex"}})
    signed = Webhook(claims.secret()).sign("msg_forged", now, of_another)
    assert claims.tell(of_another, {**forged, "webhook-signature": signed}) == 400
    assert await claims.ended(1) == before
    assert claims.events() == {told["id"]: True}


async def test_a_claims_system_that_is_killed_keeps_one_result_of_every_job(
    claims: ClaimsSystem, env: dict[str, str], tmp_path: Path
) -> None:
    """Killed with -9 among its events and started again, having missed some."""
    claims.start()
    first = [claims.submit(f"HM-3{n}", _notice(tmp_path, f"Claim HM-3{n}. Hail.")) for n in "123"]
    await claims.ended(1)
    claims.kill()
    then = [claims.submit(f"HM-3{n}", _notice(tmp_path, f"Claim HM-3{n}. Fire.")) for n in "45"]

    async def failed() -> int:
        listed = await _operate(env, "GET", "/v1/deliveries", job=then[0])
        return sum(len(row["history"]) for row in listed.json()["data"])

    await until(failed)
    claims.start()
    found = await claims.ended(len(first + then))
    assert [row["job_id"] for row in found] == first + then
    for row in found:
        answer = await _operate(env, "GET", f"/v1/jobs/{row['job_id']}/result")
        assert row["result"] == answer.json()
    assert list(claims.events().values()) == [True] * len(found)


async def test_an_event_that_was_acknowledged_outlives_a_kill(
    claims: ClaimsSystem, env: dict[str, str]
) -> None:
    """Nothing is sent again after a 204: what the receiver has not done yet it does later."""
    job_id = claims.submit("HM-41", NOTICE)
    claims.start(DOCFLEET_API_URL=f"http://127.0.0.1:{claims.port}/not-docfleet")

    async def acknowledged() -> bool:
        listed = await _operate(env, "GET", "/v1/deliveries", job=job_id)
        return [row["state"] for row in listed.json()["data"]] == ["succeeded"]

    await until(acknowledged)
    assert list(claims.events().values()) == [False]
    claims.kill()
    claims.start()
    (row,) = await claims.ended(1)
    assert row["result"]["job_id"] == job_id
    assert list(claims.events().values()) == [True]
