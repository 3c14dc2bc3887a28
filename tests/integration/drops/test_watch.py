"""Drops become jobs: boto3 drops into a real SeaweedFS, jobs are counted in a real Valkey."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from structlog.testing import capture_logs

from docfleet.stack.ports import Ports
from docfleet.stack.valkey import redis_url, valkey_part
from producer.client import connect
from producer.drops.event_listener import EventRoute, listening
from producer.errors import ListenError, UnknownTaskError
from settings.announcements import READY_LINE, READY_VARIABLE
from settings.environment import part_environment
from settings.fleet import FleetSettings
from settings.sections.rules import RuleSettings
from tests.fixtures.drop_scene import ODD_KEYS, drop, specs_in, until_jobs, until_told, watching
from tests.fixtures.servers import EVENTS_BUCKET, Buckets, running, seaweed

ROOT = Path(__file__).parents[3]


async def _list_once(settings: FleetSettings) -> None:
    """A watcher's first listing, as after a restart."""
    async with watching(settings):
        pass


async def test_each_drop_becomes_the_job_that_its_rule_says_under_its_very_key(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Spaces, plus, percent and other scripts stay what they are, and lead back to the bytes."""
    for key in ODD_KEYS:
        drop(s3, key, key.encode())
    drop(s3, "calls/call.txt")
    await _list_once(settings)
    specs = await until_jobs(valkey_url, len(ODD_KEYS) + 1)
    tasks = {spec.document.uri: spec.tasks for spec in specs.values()}
    assert tasks == {
        **{f"s3://{s3.incoming}/{key}": ("fnol",) for key in ODD_KEYS},
        f"s3://{s3.incoming}/calls/call.txt": ("call-score",),
    }
    async with connect(settings) as client:
        for key in ODD_KEYS:
            uri = f"s3://{s3.incoming}/{key}"
            assert await client.store.get(uri, max_bytes=1000) == key.encode()


async def test_drops_that_a_restarted_redis_has_forgotten_become_jobs_again(
    settings: FleetSettings, s3: Buckets, tmp_path: Path
) -> None:
    """The watcher does not believe its own memory more than the ledger's."""
    port = Ports(tmp_path / "ports.json").choose("redis")
    url = redis_url(port, "secret")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    here = settings.model_copy(update={"redis_url": SecretStr(url)})
    drop(s3, "fnol/a.pdf")
    with ExitStack() as servers:
        servers.enter_context(running(valkey_part(first, port=port, password="secret")))
        async with watching(here):
            before = await until_jobs(url, 1)
            servers.pop_all().close()
            servers.enter_context(running(valkey_part(second, port=port, password="secret")))
            assert await until_jobs(url, 1) == before


async def test_a_drop_is_found_while_the_watcher_runs(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Without any event, by the next listing."""
    async with watching(settings):
        drop(s3, "fnol/a.pdf")
        await until_jobs(valkey_url, 1)


async def test_the_same_object_listed_again_is_no_new_job_and_another_upload_is_one(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """Through listings, hints, a restart and two watchers at once; both versions keep their job."""
    drop(s3, "fnol/a.pdf", b"first")
    async with watching(settings) as watcher, watching(settings):
        watcher.hint(s3.incoming, ["fnol/a.pdf"])
        drop(s3, "fnol/b.pdf")
        await until_jobs(valkey_url, 2)
    await _list_once(settings)
    first = await until_jobs(valkey_url, 2)
    drop(s3, "fnol/a.pdf", b"second")
    await _list_once(settings)
    specs = await until_jobs(valkey_url, 3)
    assert first.items() <= specs.items()
    versions = {spec.document.version for spec in specs.values() if "a.pdf" in spec.document.uri}
    assert len(versions) == 2


async def test_an_object_that_is_deleted_and_dropped_anew_is_a_new_job(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The watcher forgets a key when its object ends."""
    async with watching(settings):
        drop(s3, "fnol/a.pdf", b"first")
        await until_jobs(valkey_url, 1)
        s3.client.delete_object(Bucket=s3.incoming, Key="fnol/a.pdf")
        drop(s3, "fnol/a.pdf", b"second")
        await until_jobs(valkey_url, 2)


async def test_a_drop_stays_the_job_that_it_became_when_the_rules_change(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """New rules are for new drops."""
    drop(s3, "fnol/a.pdf")
    await _list_once(settings)
    before = await until_jobs(valkey_url, 1)
    rules = (RuleSettings(tasks=("summary",)),)
    await _list_once(settings.model_copy(update={"rules": rules}))
    assert await specs_in(valkey_url) == before


async def test_a_thousand_objects_become_a_thousand_jobs(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """More than one page of a listing holds; a second look adds none."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: drop(s3, f"fnol/{n:04}.pdf"), range(1001)))
    await _list_once(settings)
    await _list_once(settings)
    specs = await until_jobs(valkey_url, 1001)
    assert len({spec.document.uri for spec in specs.values()}) == 1001


async def test_folders_and_parts_of_uploads_become_no_jobs(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """An upload in parts becomes one job when it is complete."""
    drop(s3, "fnol/folder/", b"")
    upload = s3.client.create_multipart_upload(Bucket=s3.incoming, Key="fnol/large.pdf")
    part = s3.client.upload_part(
        Bucket=s3.incoming,
        Key="fnol/large.pdf",
        UploadId=upload["UploadId"],
        PartNumber=1,
        Body=b"x" * 5 * 2**20,
    )
    await _list_once(settings)
    assert await specs_in(valkey_url) == {}
    s3.client.complete_multipart_upload(
        Bucket=s3.incoming,
        Key="fnol/large.pdf",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )
    await _list_once(settings)
    await _list_once(settings)
    (spec,) = (await until_jobs(valkey_url, 1)).values()
    assert spec.document.uri.endswith("fnol/large.pdf")


async def test_a_drop_that_no_rule_fits_is_told_of_once(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """With what to do about it, and without a job."""
    drop(s3, "unknown/a.pdf")
    drop(s3, "fnol/a.pdf")
    rules = (RuleSettings(prefix="fnol/", tasks=("fnol",)),)
    with capture_logs() as logs:
        async with watching(settings.model_copy(update={"rules": rules})):
            drop(s3, "fnol/b.pdf")  # two more listings for certain
            await until_jobs(valkey_url, 2)
            drop(s3, "fnol/c.pdf")
            await until_jobs(valkey_url, 3)
    told = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [entry["uri"] for entry in told] == [f"s3://{s3.incoming}/unknown/a.pdf"]
    assert "fleet.toml" in told[0]["event"]


async def test_rules_that_name_an_unknown_task_are_refused_at_the_start(
    settings: FleetSettings,
) -> None:
    """The message lists the known ones."""
    wrong = settings.model_copy(update={"rules": (RuleSettings(tasks=("no-such",)),)})
    with pytest.raises(UnknownTaskError, match=r"no-such.*fnol"):
        await _list_once(wrong)


async def test_drops_wait_for_redis_and_none_is_lost(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """While Redis is full the watcher says so once; when it is not, all drops become jobs."""
    async with Redis.from_url(valkey_url) as redis:
        before = str((await redis.config_get("maxmemory"))["maxmemory"])
        await redis.config_set("maxmemory", 1)
        with capture_logs() as logs:
            try:
                async with watching(settings, wait=False):
                    for number in range(50):
                        drop(s3, f"fnol/{number}.pdf")
                    await until_told(logs, "drops have to wait; trying again")
                    await redis.config_set("maxmemory", before)
                    await until_jobs(valkey_url, 50)
                    await until_told(logs, "drops are taken again")
            finally:
                await redis.config_set("maxmemory", before)
    assert Counter(entry["event"] for entry in logs)["drops have to wait; trying again"] == 1


async def test_drops_of_an_outage_are_found_when_it_is_over(
    settings: FleetSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis and then the object store are killed under the watcher and started again."""
    port = Ports(tmp_path / "ports.json").choose("redis")
    url = redis_url(port, "secret")
    (tmp_path / "redis").mkdir()
    redis = valkey_part(tmp_path / "redis", port=port, password="secret")
    (tmp_path / "s3").mkdir()
    server, store = seaweed(tmp_path / "s3")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    own = {"redis_url": SecretStr(url), "incoming_bucket": EVENTS_BUCKET}
    waiting, going_on = "drops have to wait; trying again", "drops are taken again"

    def drop(key: str) -> None:
        client = server.client()
        client.put_object(Bucket=EVENTS_BUCKET, Key=key, Body=b"a claim")
        client.close()

    with ExitStack() as servers, capture_logs() as logs:
        redis_process = servers.enter_context(running(redis))
        store_process = servers.enter_context(running(store))
        async with watching(settings.model_copy(update=own)):
            drop("fnol/1.pdf")
            await until_jobs(url, 1)
            redis_process.kill()
            drop("fnol/2.pdf")
            await until_told(logs, waiting)
            servers.enter_context(running(redis))
            await until_jobs(url, 2)
            await until_told(logs, going_on)
            logs.clear()
            store_process.kill()
            await until_told(logs, waiting)
            servers.enter_context(running(store))
            drop("fnol/3.pdf")
            await until_jobs(url, 3)
            await until_told(logs, going_on)
    assert Counter(entry["event"] for entry in logs)[waiting] == 1


async def test_without_a_bucket_the_watcher_waits_for_it(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """The bucket is reported as missing, and found when it exists."""
    later = f"{s3.incoming}-later"
    with capture_logs() as logs:
        async with watching(settings.model_copy(update={"incoming_bucket": later}), wait=False):
            await until_told(logs, "drops have to wait; trying again")
            s3.client.create_bucket(Bucket=later)
            s3.client.put_object(Bucket=later, Key="fnol/a.pdf", Body=b"a claim")
            await until_jobs(valkey_url, 1)
    assert later in logs[0]["error"]


async def test_an_event_of_the_object_store_brings_its_drop_at_once(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """SeaweedFS itself sends them; the next listing would be an hour away."""
    hourly = settings.watch.model_copy(update={"list_seconds": 3600})
    seldom = settings.model_copy(update={"watch": hourly, "incoming_bucket": EVENTS_BUCKET})
    mark = s3.incoming
    async with watching(seldom) as watcher:
        before = len(await specs_in(valkey_url))
        route = EventRoute(s3.server.events_token, watcher.hint)
        async with listening(route, "127.0.0.1", s3.server.events_port):
            for key in ODD_KEYS:
                s3.client.put_object(Bucket=EVENTS_BUCKET, Key=f"{key}.{mark}", Body=b"a claim")
            specs = await until_jobs(valkey_url, before + len(ODD_KEYS))
    uris = {spec.document.uri for spec in specs.values()}
    assert {f"s3://{EVENTS_BUCKET}/{key}.{mark}" for key in ODD_KEYS} <= uris


async def test_a_flood_of_hints_is_one_listing(
    settings: FleetSettings, s3: Buckets, valkey_url: str
) -> None:
    """And finds what lies there, hinted or not."""
    hourly = settings.watch.model_copy(update={"list_seconds": 3600})
    async with watching(settings.model_copy(update={"watch": hourly})) as watcher:
        drop(s3, "fnol/not hinted.pdf")
        watcher.hint(s3.incoming, (f"fnol/{number}.pdf" for number in range(1000)))
        await until_jobs(valkey_url, 1)


async def test_only_the_token_gives_hints() -> None:
    """401 for a stranger, 400 for what is no event, 204 for what is one."""
    hints: list[tuple[str, list[str]]] = []
    event = {"event_type": "create", "key": "/buckets/incoming/a.pdf", "message": {}}
    route = EventRoute("token", lambda bucket, keys, _: hints.append((bucket, list(keys))))
    async with listening(route, "127.0.0.1", 0) as url, aiohttp.ClientSession() as session:
        for token, body, status in (
            ("wrong", event, 401),
            ("tökén", event, 401),
            ("token", {"event_type": 7}, 400),
            ("token", event, 204),
        ):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(url, json=body, headers=headers) as answer:
                assert answer.status == status
        headers = {"Authorization": "Bearer token"}
        async with session.post(url, data=b"{not json", headers=headers) as answer:
            assert answer.status == 400
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2][:-7]))
        writer.write(b"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\r\n\r\n")
        assert b" 401 " in await reader.readline()
        writer.close()
    assert hints == [("incoming", ["a.pdf"])]


async def test_a_port_that_is_taken_is_a_clear_error() -> None:
    """With address and port."""
    route = EventRoute("token", lambda _bucket, _keys, _version: None)
    async with listening(route, "127.0.0.1", 0) as url:
        port = int(url.split(":")[2].partition("/")[0])
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}"):
            async with listening(route, "127.0.0.1", port):
                pass


@pytest.mark.parametrize(("command", "token"), [("watch", "token"), ("watch", ""), ("api", "")])
async def test_a_part_announces_itself_and_ends_cleanly_when_told(
    s3: Buckets, valkey_url: str, command: str, token: str
) -> None:
    """One line into the supervisor's pipe; SIGTERM makes an exit status of 0.

    A watcher without an events token only lists.
    """
    drop(s3, "fnol/a.pdf")
    ready, ready_of_part = os.pipe()
    environment = {
        **s3.server.environment(),
        "DOCFLEET_REDIS_URL": valkey_url,
        "DOCFLEET_INCOMING_BUCKET": s3.incoming,
        "DOCFLEET_EVENTS_TOKEN": token,
        "DOCFLEET_API_KEY": "key",
        READY_VARIABLE: str(ready_of_part),
    }
    process = subprocess.Popen(  # noqa: ASYNC220  # nothing else goes on here
        [sys.executable, "-m", "docfleet", command, "--port", "0"],
        cwd=ROOT,
        env=part_environment(environment),
        pass_fds=(ready_of_part,),
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(ready_of_part)
    try:
        assert await asyncio.to_thread(os.read, ready, 64) == READY_LINE
        assert len(await specs_in(valkey_url)) == (command == "watch")
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=30)
        assert process.returncode == 0, log
        assert "Traceback" not in log
    finally:
        os.close(ready)
        process.kill()
        process.wait()
