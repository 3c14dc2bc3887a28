"""`docfleet dead-letters` as a user types it, on real servers."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from docfleet.stack.ports import Ports
from docfleet.stack.valkey import redis_url, valkey_part
from ledger import keys
from ledger.ledger import Ledger
from schemas.dead_letter import DeadLetter, DeadLetterFilter
from schemas.document import DocumentRef
from schemas.failure import Failure, FailureCode
from schemas.ids import new_job_id
from schemas.job import JobSpec, KeptCallback
from schemas.kept import KeptTasks
from schemas.states import JobState
from settings.environment import server_environment
from tests.fixtures.command import ROOT, Command, run_command
from tests.fixtures.hand_worker import claim, kill, succeed, task_result
from tests.fixtures.servers import Buckets, running

EMPTY = Failure.of(FailureCode.DOCUMENT_EMPTY, "0 bytes.")
NO_MEMORY = Failure.of(FailureCode.ENGINE_OUT_OF_MEMORY, "Alone.")
INVALID = Failure.of(FailureCode.OUTPUT_INVALID, "It is no JSON.", "fnol")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
NOBODY = "job_" + "0" * 24


async def _submitted(ledger: Ledger, *, callback: bool = False, **spec: object) -> str:
    job_id = new_job_id()
    url = KeptCallback.model_validate({"url": "http://claims.test/"}) if callback else None
    asked = {"tasks": ("fnol",), "callback": url, **spec}
    document = DocumentRef(uri="s3://incoming/claim.pdf", name="claim 1.pdf")
    await ledger.submit(job_id, JobSpec.model_validate({"document": document, **asked}))
    return job_id


async def _dead(ledger: Ledger, failure: Failure = EMPTY, **spec: object) -> str:
    job_id = await _submitted(ledger, **spec)
    await kill(ledger, job_id, failure)
    return job_id


async def _dead_with_answer(ledger: Ledger, s3: Buckets, answer: str) -> str:
    """A job that died at its task, with the answer that was not valid."""
    job_id = await _submitted(ledger, tasks=("fnol", "summary"))
    failed = task_result(failure=INVALID).model_copy(update={"raw_output": answer})
    kept = KeptTasks(redrive=0, tasks={"fnol": failed, "summary": task_result({"summary": "x"})})
    key = f"kept/{job_id}.json"
    s3.client.put_object(Bucket=s3.work, Key=key, Body=kept.model_dump_json().encode())
    await kill(ledger, job_id, INVALID, kept_uri=f"s3://{s3.work}/{key}")
    return job_id


async def _ids(ledger: Ledger) -> set[str]:
    return {letter.id async for letter in ledger.dead_letters.each(DeadLetterFilter())}


async def test_the_list_shows_the_newest_first_and_sums_up(
    docfleet: Command, ledger: Ledger, valkey_url: str
) -> None:
    """A line for each in a pipe, however long; the most frequent code first."""
    first = await _dead(ledger, NO_MEMORY, tenant="acme", tasks=("fnol", "summary"))
    second = await _dead(ledger)
    third = await _dead(ledger, Failure.of(FailureCode.DOCUMENT_EMPTY, "many\nwords " * 30))
    async with Redis.from_url(valkey_url) as redis:
        await redis.zadd(keys.DEAD, {first: 1, second: 2, third: 3})
    done = await docfleet("dead-letters", "list")
    assert (done.code, done.err) == (0, "")
    heading, *rows, summary = done.out.splitlines()
    assert heading.split()[:5] == ["ID", "KIND", "CODE", "TASKS", "TENANT"]
    assert [row.split()[0] for row in rows] == [third, second, first]
    assert rows[0].rstrip().endswith("…")
    assert rows[2].split()[1:6] == ["job", "engine.out_of_memory", "fnol,", "summary", "acme"]
    assert summary == "3 dead letters: 2 document.empty, 1 engine.out_of_memory"


async def test_the_list_is_filtered_and_has_an_end(
    docfleet: Command, ledger: Ledger, valkey_url: str
) -> None:
    """Nothing is summed up that the filter leaves out; what is not shown is spoken of."""
    dead = await _dead(ledger, NO_MEMORY, tenant="acme", tasks=("summary",), callback=True)
    delivery = f"msg_{dead.removeprefix('job_')}_dead"
    await kill(ledger, delivery, Failure.of(FailureCode.DELIVERY_REFUSED, "500"))
    other = await _dead(ledger)
    async with Redis.from_url(valkey_url) as redis:  # of one millisecond, the id would decide
        newest = await redis.zscore(keys.DEAD, other)
        await redis.zadd(keys.DEAD, {dead: newest - 2, delivery: newest - 1})
    for words, expected in [
        (("--code", "engine.out_of_memory"), [dead]),
        (("--task", "summary"), [dead]),
        (("--tenant", "acme", "--kind", "job"), [dead]),
        (("--kind", "delivery"), [delivery]),
        (("--newer-than", "2h"), [other, delivery, dead]),
        (("--older-than", "2h"), []),
        (("--limit", "1"), [other]),
    ]:
        done = await docfleet("dead-letters", "list", "--json", *words)
        assert done.code == 0, done
        found = [DeadLetter.model_validate_json(line) for line in done.out.splitlines()]
        assert [letter.id for letter in found] == expected
        for letter in found:
            assert letter == await ledger.dead_letters.get(letter.id)
    done = await docfleet("dead-letters", "list", "--older-than", "2h")
    assert done.out == "there is no such dead letter\n"
    done = await docfleet("dead-letters", "list", "--limit", "1")
    assert "--limit shows more" in done.out


async def test_without_dead_letters_the_list_says_so(docfleet: Command) -> None:
    """An empty list is good news; as JSON it is nothing."""
    done = await docfleet("dead-letters", "list")
    assert (done.code, done.out) == (0, "no dead letters\n")
    assert (await docfleet("dead-letters", "list", "--json")).out == ""


async def test_all_is_shown_that_is_known_of_a_dead_letter(
    docfleet: Command, ledger: Ledger, s3: Buckets
) -> None:
    """The text has the failure, its reason, the attempts, the results and the next commands."""
    job_id = await _dead_with_answer(ledger, s3, "x" * 1000)
    done = await docfleet("dead-letters", "show", job_id)
    assert (done.code, done.err) == (0, "")
    for words in (
        job_id,
        "claim 1.pdf",
        "s3://incoming/claim.pdf",
        "output.invalid",
        INVALID.message,
        INVALID.remedy,
        "worker hand, 1.5 s, charged",
        "fnol (version 1): failed",
        "summary (version 1): succeeded",
        "1,000 characters",
        f"docfleet dead-letters redrive {job_id}\n",
        "docfleet dead-letters redrive --all --code output.invalid\n",
        f"docfleet dead-letters drop {job_id}\n",
    ):
        assert words in done.out, done.out
    assert done.out.count("x" * 400) == 1
    assert "x" * 401 not in done.out
    whole = await docfleet("dead-letters", "show", job_id, "--raw")
    assert "x" * 1000 in whole.out


async def test_as_json_a_dead_letter_has_what_its_tasks_came_to(
    docfleet: Command, ledger: Ledger, s3: Buckets
) -> None:
    """The public dead letter, and `kept` with the raw answers whole."""
    job_id = await _dead_with_answer(ledger, s3, "x" * 1000)
    done = await docfleet("dead-letters", "show", job_id, "--json")
    shown = json.loads(done.out)
    kept = KeptTasks.model_validate(shown.pop("kept"))
    assert kept.tasks["fnol"].raw_output == "x" * 1000
    assert DeadLetter.model_validate(shown) == await ledger.dead_letters.get(job_id)


async def test_a_dead_letter_is_shown_though_what_was_kept_cannot_be_read(
    environment: dict[str, str],
    docfleet: Command,
    ledger: Ledger,
    s3: Buckets,
    unused_tcp_port: int,
) -> None:
    """Deleted, garbled, or in a store that is away: the rest is there all the same."""
    job_id = await _dead_with_answer(ledger, s3, "x")
    away = {**environment, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{unused_tcp_port}"}
    done = await run_command(away, "dead-letters", "show", job_id)
    assert done.code == 0, done
    assert "cannot be read now" in done.out
    s3.client.put_object(Bucket=s3.work, Key=f"kept/{job_id}.json", Body=b"garbled")
    done = await docfleet("dead-letters", "show", job_id)
    assert (done.code, "cannot be read now" in done.out) == (0, True)
    s3.client.delete_object(Bucket=s3.work, Key=f"kept/{job_id}.json")
    done = await docfleet("dead-letters", "show", job_id)
    assert (done.code, "was deleted" in done.out) == (0, True)
    assert INVALID.remedy in done.out


async def test_the_shown_commands_name_the_fleet_as_its_user_did(
    docfleet: Command, ledger: Ledger
) -> None:
    """They can be pasted as they are."""
    job_id = await _dead(ledger)
    done = await docfleet("dead-letters", "show", job_id, "--config", str(ROOT / "fleet.toml"))
    assert f"redrive {job_id} --config {ROOT / 'fleet.toml'}\n" in done.out


async def test_what_is_no_dead_letter_is_exit_code_1(docfleet: Command, ledger: Ledger) -> None:
    """In one line that says what it is instead."""
    queued = await _submitted(ledger)
    for words, reason in (
        (("show", NOBODY), "nothing is known of it"),
        (("show", queued), "it is queued"),
        (("redrive", queued), "it is queued"),
        (("drop", queued, "--yes"), "it is queued"),
        (("redrive", NOBODY), "nothing is known of it"),
    ):
        done = await docfleet("dead-letters", *words)
        assert done.code == 1, done
        assert reason in done.err
        assert len(done.err.splitlines()) == 1


async def test_those_that_are_dead_are_redriven_whatever_else_was_named(
    docfleet: Command, ledger: Ledger, s3: Buckets
) -> None:
    """Exit code 1 for the others; a partially succeeded job can be redriven too."""
    await ledger.heartbeat("hand", 300, {"prepare": 8}, [])  # room for all, in whichever order
    dead, alive = await _dead(ledger), await _submitted(ledger)
    partial = await _submitted(ledger)
    await succeed(ledger, s3.results, partial, {"fnol": task_result(failure=INVALID)})
    words = (dead, alive, NOBODY, partial, dead, "--pool", "cpu", "--task-version", "fnol=7")
    done = await docfleet("dead-letters", "redrive", *words)
    assert done.code == 1
    assert done.out.splitlines() == [
        f"{dead}  redriven",
        f"{partial}  redriven",
        "redriven 2 of 4 dead letters",
    ]
    assert len(done.err.splitlines()) == 2
    for job_id in (dead, partial):
        held = await claim(ledger, job_id)
        assert (held.redrives, held.pool, held.versions) == (1, "infer.cpu", {"fnol": "7"})
        await ledger.finish(held, JobState.CANCELLED)


async def test_all_of_a_filter_are_redriven_once_the_user_agrees(
    docfleet: Command, ledger: Ledger
) -> None:
    """The question says how many of what; no is no, and nobody there is a usage error."""
    await ledger.heartbeat("hand", 300, {"prepare": 400}, [])
    memory = [await _dead(ledger, NO_MEMORY) for _ in range(230)]
    other = await _dead(ledger)
    words = ("dead-letters", "redrive", "--all", "--code", "engine.out_of_memory")
    refused = await docfleet(*words, answer="n\n")
    assert refused.code == 0
    assert "Redrive 230 dead letters (230 engine.out_of_memory)?" in refused.out
    nobody = await docfleet(*words)
    assert (nobody.code, "--yes" in nobody.err) == (2, True)
    assert await _ids(ledger) == {*memory, other}
    agreed = await docfleet(*words, answer="y\n")
    assert (agreed.code, agreed.err) == (0, "")
    assert agreed.out.endswith("redriven 230 of 230 dead letters\n")
    assert await _ids(ledger) == {other}
    everything = await docfleet("dead-letters", "redrive", "--all", "--yes")
    assert (everything.code, everything.out) == (0, "redriven 1 of 1 dead letter\n")
    none = await docfleet("dead-letters", "redrive", "--all")
    assert (none.code, none.out) == (0, "there is no such dead letter\n")


async def test_a_drop_always_asks_and_says_what_it_does(docfleet: Command, ledger: Ledger) -> None:
    """By id and by filter; dropped jobs count as cancelled."""
    first, second, third = [await _dead(ledger) for _ in range(3)]
    refused = await docfleet("dead-letters", "drop", first, answer="n\n")
    assert refused.code == 0
    for words in ("count as cancelled", "nobody is told", "documents are not touched"):
        assert words in refused.out
    assert await _ids(ledger) == {first, second, third}
    agreed = await docfleet("dead-letters", "drop", first, answer="y\n")
    assert (agreed.code, await _ids(ledger)) == (0, {second, third})
    done = await docfleet("dead-letters", "drop", "--all", "--newer-than", "1h", "--yes")
    assert (done.code, await _ids(ledger)) == (0, set())
    job = await ledger.job(first)
    assert job is not None
    assert job.state is JobState.CANCELLED


async def test_what_makes_no_sense_is_exit_code_2_and_changes_nothing(
    docfleet: Command, ledger: Ledger
) -> None:
    """The message says what would."""
    job_id = await _dead(ledger)
    for reason, *words in [
        ("has: cpu", "redrive", job_id, "--pool", "nope"),
        ("known are", "redrive", job_id, "--task-version", "nope=1"),
        ("TASK=VERSION", "redrive", job_id, "--task-version", "fnol"),
        ("--all", "redrive"),
        ("not by both", "redrive", job_id, "--all"),
        ("not by both", "drop", job_id, "--code", "document.empty"),
        ("--all", "drop", "--yes"),
        ("2h", "list", "--older-than", "soon"),
        ("document.empty", "list", "--code", "nope"),
        ("task", "list", "--task", "NOPE"),
    ]:
        done = await docfleet("dead-letters", *words)
        assert (done.code, done.out) == (2, ""), done
        assert reason in done.err
    assert await _ids(ledger) == {job_id}


async def test_no_stack_is_exit_code_3_for_dead_letters(tmp_path: Path) -> None:
    """Nothing runs in the state directory and nothing is named."""
    words = ("dead-letters", "list", "--state-dir", str(tmp_path / "none"))
    done = await run_command(server_environment({}), *words)
    assert (done.code, "docfleet up" in done.err) == (3, True)


async def test_a_redis_that_hangs_ends_a_submit_and_a_list_with_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Redis accepts connections and answers nothing: exit code 3, and no job."""
    document = tmp_path / "claim.txt"
    document.write_text("Claim HM-1")
    port = Ports(tmp_path / "ports.json").choose("redis")
    url = redis_url(port, "secret")
    with running(valkey_part(tmp_path, port=port, password="secret")) as valkey:
        valkey.send_signal(signal.SIGSTOP)
        try:
            for words in (
                ("submit", str(document), "--task", "fnol", "--wait"),
                ("dead-letters", "list"),
                ("dead-letters", "redrive", NOBODY),
            ):
                done = await run_command({**environment, "DOCFLEET_REDIS_URL": url}, *words)
                assert done.code == 3, done
                assert "Redis does not answer" in done.err
                assert len(done.err.splitlines()) == 1
        finally:
            valkey.send_signal(signal.SIGCONT)


async def test_a_redis_that_refuses_connections_ends_the_command_with_one_line(
    environment: dict[str, str], unused_tcp_port: int
) -> None:
    """Exit code 3."""
    nowhere = {**environment, "DOCFLEET_REDIS_URL": f"redis://127.0.0.1:{unused_tcp_port}/0"}
    for words in (("list",), ("show", NOBODY), ("redrive", "--all", "--yes")):
        done = await run_command(nowhere, "dead-letters", *words)
        assert (done.code, "Redis does not answer" in done.err) == (3, True), done
        assert len(done.err.splitlines()) == 1


def _on_a_terminal(environment: dict[str, str], columns: int) -> list[str]:
    """Return the list on a terminal with a number of columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "docfleet", "dead-letters", "list"],
        cwd=ROOT,
        env={**environment, "COLUMNS": str(columns), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # how Linux says that the other side is closed
        while read := os.read(ours, 65_536):
            seen += read
    os.close(ours)
    assert process.wait(60) == 0
    return [line.rstrip() for line in _STYLE.sub("", seen.decode()).splitlines()]


@pytest.mark.parametrize("columns", [60, 100, 160])
async def test_on_a_terminal_each_id_is_whole_and_no_line_is_too_long(
    environment: dict[str, str], ledger: Ledger, columns: int
) -> None:
    """A table where there is room for one, else three lines for each."""
    job_id = await _dead(ledger, Failure.of(FailureCode.DOCUMENT_EMPTY, "[b]many[/b] words " * 30))
    await _dead(ledger, Failure.of(FailureCode.DOCUMENT_EMPTY, "few"))
    lines = _on_a_terminal(environment, columns)
    assert any(job_id in line for line in lines)
    assert any("[b]many[/b]" in line for line in lines)
    assert any(line.startswith("ID ") for line in lines) == (columns == 160)
    if columns == 160:
        assert max(map(len, lines)) <= columns
        assert len(lines) == 4
