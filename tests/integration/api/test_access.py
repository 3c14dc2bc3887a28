"""A place that refuses us: what each part says at its start, and that it does not try for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docfleet.stack.ports import Ports
from ledger.errors import LedgerRefusedError, LedgerUnavailableError
from ledger.ledger import Ledger
from tests.fixtures.command import Command, run_command
from tests.fixtures.servers import Buckets


def with_password(url: str, password: str) -> str:
    """The same server, asked with another password."""
    return f"redis://:{password}@{url.rpartition('@')[2]}"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("api", "--port", "0"), 2),
        (("watch", "--port", "0"), 2),
        (("worker", "prepare"), os.EX_CONFIG),
    ],
)
async def test_a_part_whose_password_redis_refuses_says_so_and_ends(
    environment: dict[str, str], valkey_url: str, words: tuple[str, ...], code: int
) -> None:
    """With the status by which a supervisor knows that trying again is of no use."""
    wrong = {
        **environment,
        "DOCFLEET_API_KEY": "df_0123",
        "DOCFLEET_REDIS_URL": with_password(valkey_url, "wrong"),
    }
    done = await run_command(wrong, *words)
    assert (done.code, "Redis refuses the password" in done.err) == (code, True)


async def test_redis_refuses_a_wrong_password_and_none_at_all(valkey_url: str) -> None:
    """Which is another thing than a Redis that is away, and a kind of it for who can wait."""
    for url in (with_password(valkey_url, "wrong"), f"redis://{valkey_url.rpartition('@')[2]}"):
        ledger = Ledger(url, retries=0)
        with pytest.raises(LedgerRefusedError, match="DOCFLEET_REDIS_PASSWORD"):
            await ledger.check_access()
        await ledger.close()
    assert issubclass(LedgerRefusedError, LedgerUnavailableError)


async def test_a_redis_that_is_away_is_no_reason_to_end(tmp_path: Path, valkey_url: str) -> None:
    """Redis may come back; the same check passes with the right password."""
    port = Ports(tmp_path / "ports.json").choose("redis")
    for url in (f"redis://127.0.0.1:{port}/0", valkey_url):
        ledger = Ledger(url, retries=0)
        await ledger.check_access()
        await ledger.close()


async def test_buckets_are_made_where_they_are_missing(docfleet: Command, s3: Buckets) -> None:
    """And what lies in those that are there stays."""
    s3.client.put_object(Bucket=s3.work, Key="kept", Body=b"here")
    s3.client.delete_bucket(Bucket=s3.incoming)
    done = await docfleet("buckets")
    assert (done.code, done.out) == (0, f"buckets: {s3.incoming}, {s3.results}, {s3.work}\n")
    assert s3.client.head_bucket(Bucket=s3.incoming)["ResponseMetadata"]["HTTPStatusCode"] == 200
    listed = s3.client.list_objects_v2(Bucket=s3.work)["Contents"]
    assert [entry["Key"] for entry in listed] == ["kept"]
    assert (await docfleet("buckets")).code == 0


async def test_an_object_store_that_refuses_is_told_of_with_its_reason(
    environment: dict[str, str],
) -> None:
    """After a while: a store may refuse for as long as it starts."""
    wrong = {**environment, "AWS_ACCESS_KEY_ID": "none"}
    done = await run_command(wrong, "buckets", "--wait", "0")
    assert done.code == 2
    assert "the object store cannot be used: An error occurred (403)" in done.err
