"""Events of a queue become jobs: real SeaweedFS and Valkey, and emulators of AWS' services."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from structlog.testing import capture_logs

from docfleet.stack.ports import Ports
from docfleet.stack.valkey import redis_url, valkey_part
from producer.client import connect
from producer.drops.sqs_consumer import SqsConsumer
from producer.drops.sqs_queue import QueueMessage, SqsQueue
from producer.drops.watcher import Watcher
from settings.announcements import READY_LINE, READY_VARIABLE
from settings.environment import part_environment
from settings.fleet import FleetSettings
from settings.sections.rules import RuleSettings
from settings.sections.tenants import TenantSettings
from settings.sections.watch import WatchSettings
from tests.fixtures.drop_scene import ODD_KEYS, drop, specs_in, until_jobs, until_told
from tests.fixtures.emulators import WAYS, Emulator, Queue, make_bucket, make_queue
from tests.fixtures.servers import Buckets, running

ROOT = Path(__file__).parents[3]
HOUR = 3600


async def _until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(1200):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"never came: {what}")


@pytest.fixture
def queue(ministack: Emulator, settings: FleetSettings, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A queue of ministack's, beside the SeaweedFS that `settings` has chosen."""
    assert settings
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", ministack.url)
    return make_queue(ministack)


def _with_events_only(settings: FleetSettings, **changes: Any) -> FleetSettings:
    """The next listing is an hour away."""
    watch = WatchSettings(list_seconds=HOUR, poll_seconds=1)
    return settings.model_copy(update={"watch": watch, **changes})


@asynccontextmanager
async def _consuming(
    settings: FleetSettings, url: str, *, watchers: int = 1
) -> AsyncIterator[list[SqsConsumer]]:
    """Watchers that have listed the buckets and take events of a queue; told to stop at the end."""
    async with AsyncExitStack() as stack:
        tasks: list[asyncio.Task[None]] = []
        consumers = []
        for _ in range(watchers):
            client = await stack.enter_async_context(connect(settings))
            watcher = Watcher(settings, client.store, client.submitter)
            listed = asyncio.Event()
            listing = asyncio.create_task(watcher.run(listed.set))
            stack.callback(listing.cancel)
            async with asyncio.timeout(60):
                await listed.wait()
            sqs_queue = SqsQueue(url)
            stack.callback(sqs_queue.close)
            consumers.append(SqsConsumer(sqs_queue, watcher, settings.watch.poll_seconds))
            tasks.append(asyncio.create_task(consumers[-1].run()))
        yield consumers
        for consumer in consumers:
            consumer.stop()
        async with asyncio.timeout(60):
            await asyncio.gather(*tasks)


def _event(bucket: str, *keys: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
            }
            for key in keys
        ]
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["ministack", "moto"])
async def test_every_way_that_events_take_makes_jobs_of_odd_keys(
    settings: FleetSettings,
    valkey_url: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: str,
    way: str,
) -> None:
    """S3, SNS and EventBridge, in two dialects; then nothing is left in the queue."""
    emulator: Emulator = request.getfixturevalue(kind)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    queue = make_queue(emulator)
    bucket = make_bucket(emulator, queue, way)
    here = _with_events_only(settings, incoming_bucket=bucket)
    async with _consuming(here, queue.url):
        for key in ODD_KEYS:
            emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
        emulator.client("s3").delete_object(Bucket=bucket, Key="fnol/never was.pdf")
        specs = await until_jobs(valkey_url, len(ODD_KEYS))
        await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")
    assert {spec.document.uri for spec in specs.values()} == {
        f"s3://{bucket}/{key}" for key in ODD_KEYS
    }


async def test_an_event_and_a_listing_make_the_same_job(
    settings: FleetSettings, s3: Buckets, valkey_url: str, queue: Queue
) -> None:
    """Uploads in parts and copies too; each event comes twice, and the last one first."""
    for key in ODD_KEYS:
        drop(s3, key)
    upload = s3.client.create_multipart_upload(Bucket=s3.incoming, Key="fnol/large.pdf")
    named = {"Bucket": s3.incoming, "Key": "fnol/large.pdf", "UploadId": upload["UploadId"]}
    part = s3.client.upload_part(**named, PartNumber=1, Body=b"x" * 5 * 2**20)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.client.complete_multipart_upload(**named, MultipartUpload=parts)
    source = {"Bucket": s3.incoming, "Key": "fnol/large.pdf"}
    s3.client.copy_object(Bucket=s3.incoming, Key="fnol/copy.pdf", CopySource=source)
    keys = [*ODD_KEYS, "fnol/large.pdf", "fnol/copy.pdf"]
    async with _consuming(_with_events_only(settings), queue.url):
        listed = await until_jobs(valkey_url, len(keys))
    async with Redis.from_url(valkey_url) as redis:
        await redis.flushall()
    # A bucket that came after the first listing cannot be listed yet.
    other = _with_events_only(settings, rules=settings.rules)
    async with _consuming(other, queue.url) as consumers:
        async with Redis.from_url(valkey_url) as redis:
            await redis.flushall()
        for bucket in consumers[0]._watcher._buckets.values():
            bucket.forget()
        queue.send(*(_event(s3.incoming, key) for key in [*reversed(keys), *keys]))
        assert await until_jobs(valkey_url, len(keys)) == listed
        await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")
    assert await specs_in(valkey_url) == listed


async def test_an_overwritten_object_is_another_job(
    settings: FleetSettings, s3: Buckets, valkey_url: str, queue: Queue
) -> None:
    """A late event of the first version adds nothing."""
    async with _consuming(_with_events_only(settings), queue.url):
        for data, jobs in ((b"first", 1), (b"second", 2)):
            drop(s3, "fnol/a.pdf", data)
            queue.send(_event(s3.incoming, "fnol/a.pdf"))
            specs = await until_jobs(valkey_url, jobs)
        queue.send(_event(s3.incoming, "fnol/a.pdf"))
        await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")
    assert len(await specs_in(valkey_url)) == 2
    assert len({spec.document.version for spec in specs.values()}) == 2


async def test_what_is_refused_goes_to_the_redrive_queue_and_the_rest_goes_on(
    settings: FleetSettings, s3: Buckets, valkey_url: str, ministack: Emulator, queue: Queue
) -> None:
    """No event, an unwatched bucket, a bucket of results, an object that is gone: with reasons."""
    queue = make_queue(ministack, receives=2)
    drop(s3, "fnol/gone.pdf")
    s3.client.delete_object(Bucket=s3.incoming, Key="fnol/gone.pdf")
    refused = {
        "no event": {"order": 7},
        "no rule names": _event("elsewhere", "a.pdf"),
        "the fleet itself writes": _event(s3.results, "job_1.json"),
        "no object lies there": _event(s3.incoming, "fnol/gone.pdf"),
    }
    with capture_logs() as logs:
        async with _consuming(_with_events_only(settings), queue.url):
            queue.send(*refused.values())
            drop(s3, "fnol/a.pdf")
            queue.send(_event(s3.incoming, "fnol/a.pdf"))
            await until_jobs(valkey_url, 1)
            await _until(lambda: queue.counts() == (0, 0, len(refused)), "all put away")
    told = [entry for entry in logs if "redrive policy" in entry["event"]]
    for reason in refused:
        assert sorted(e["receives"] for e in told if reason in e["reason"]) == [1, 2], reason


async def test_a_message_with_many_records_makes_many_jobs_even_beside_a_refused_one(
    settings: FleetSettings, s3: Buckets, valkey_url: str, queue: Queue
) -> None:
    """The message stays for the redrive policy; what was good in it is taken."""
    async with _consuming(_with_events_only(settings), queue.url):
        for number in range(20):
            drop(s3, f"fnol/{number}.pdf")
        queue.send(_event(s3.incoming, *(f"fnol/{n}.pdf" for n in range(20)), "fnol/gone.pdf"))
        await until_jobs(valkey_url, 20)
    assert queue.counts()[0] + queue.counts()[1] == 1


async def test_events_wait_while_redis_is_full_and_none_is_put_away(
    settings: FleetSettings, s3: Buckets, valkey_url: str, ministack: Emulator, queue: Queue
) -> None:
    """Waiting does not count against the redrive policy."""
    queue = make_queue(ministack, receives=1)
    async with Redis.from_url(valkey_url) as redis:
        before = str((await redis.config_get("maxmemory"))["maxmemory"])
        try:
            with capture_logs() as logs:
                async with _consuming(_with_events_only(settings), queue.url):
                    await redis.config_set("maxmemory", 1)
                    for number in range(30):
                        drop(s3, f"fnol/{number}.pdf")
                        queue.send(_event(s3.incoming, f"fnol/{number}.pdf"))
                    await until_told(logs, "events have to wait")
                    await redis.config_set("maxmemory", before)
                    await until_jobs(valkey_url, 30)
                    await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")
        finally:
            await redis.config_set("maxmemory", before)
    assert Counter(entry["event"] for entry in logs)["events have to wait"] == 1


async def test_events_of_a_tenant_with_too_many_jobs_stand_aside(
    settings: FleetSettings, s3: Buckets, valkey_url: str, ministack: Emulator, queue: Queue
) -> None:
    """Those of others go on, however many wait, and none is put away."""
    queue = make_queue(ministack, receives=1)
    rules = (
        RuleSettings(prefix="acme/", tasks=("fnol",), tenant="acme"),
        RuleSettings(tasks=("fnol",)),
    )
    narrow = {"rules": rules, "tenants": {"acme": TenantSettings(max_queued=1)}}
    keys = [*(f"acme/{number}.pdf" for number in range(100)), "zenith/a.pdf"]
    async with _consuming(_with_events_only(settings, **narrow), queue.url):
        for key in keys:
            drop(s3, key)
        queue.send(*(_event(s3.incoming, key) for key in keys))
        async with asyncio.timeout(60):
            while "zenith/a.pdf" not in str(specs := await specs_in(valkey_url)):
                await asyncio.sleep(0.05)
        await _until(lambda: queue.counts() == (0, 101 - len(specs), 0), "only those of acme")
        assert len(specs) < 10
    assert queue.counts() == (101 - len(specs), 0, 0)


async def test_a_watcher_that_stops_lets_its_messages_go(
    settings: FleetSettings, s3: Buckets, valkey_url: str, queue: Queue
) -> None:
    """Another gets them at once, not when their visibility timeout has passed."""
    async with Redis.from_url(valkey_url) as redis:
        before = str((await redis.config_get("maxmemory"))["maxmemory"])
        try:
            with capture_logs() as logs:
                async with _consuming(_with_events_only(settings), queue.url):
                    await redis.config_set("maxmemory", 1)
                    drop(s3, "fnol/a.pdf")
                    queue.send(_event(s3.incoming, "fnol/a.pdf"))
                    await until_told(logs, "events have to wait")
                    assert queue.counts() == (0, 1, 0)
        finally:
            await redis.config_set("maxmemory", before)
    assert queue.counts() == (1, 0, 0)


async def test_a_message_outlives_the_second_that_a_power_loss_takes(
    settings: FleetSettings,
    s3: Buckets,
    tmp_path: Path,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Redis that comes back without the job is given it again, by the message alone."""
    monkeypatch.setattr(
        "producer.drops.sqs_consumer._SAFE_SECONDS", 10.0
    )  # a slow machine starts Redis slowly
    port = Ports(tmp_path / "ports.json").choose("redis")
    url = redis_url(port, "secret")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    here = _with_events_only(settings, redis_url=SecretStr(url))
    with ExitStack() as servers:
        servers.enter_context(running(valkey_part(first, port=port, password="secret")))
        async with _consuming(here, queue.url):
            drop(s3, "fnol/a.pdf")
            queue.send(_event(s3.incoming, "fnol/a.pdf"))
            before = await until_jobs(url, 1)
            servers.pop_all().close()
            servers.enter_context(running(valkey_part(second, port=port, password="secret")))
            assert queue.counts() == (0, 1, 0)
            assert await until_jobs(url, 1) == before
            await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")


async def test_a_thousand_drops_are_a_thousand_jobs_for_two_watchers_of_one_queue(
    settings: FleetSettings, valkey_url: str, ministack: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each, and nothing is left in the queue."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    queue = make_queue(ministack)
    bucket = make_bucket(ministack, queue, "queue")
    client = ministack.client("s3")
    here = _with_events_only(settings, incoming_bucket=bucket)

    def drop(number: int) -> None:
        client.put_object(Bucket=bucket, Key=f"fnol/{number:04}.pdf", Body=b"a claim")

    with capture_logs() as logs:
        async with _consuming(here, queue.url, watchers=2):
            with ThreadPoolExecutor(8) as pool:
                await asyncio.to_thread(lambda: list(pool.map(drop, range(1000))))
            specs = await until_jobs(valkey_url, 1000)
            await _until(lambda: queue.counts() == (0, 0, 0), "an empty queue")
    assert len({spec.document.uri for spec in specs.values()}) == 1000
    assert Counter(entry["event"] for entry in logs)["job submitted"] == 1000


@pytest.mark.parametrize("kind", ["ministack", "moto"])
async def test_a_queue_tells_which_messages_it_failed_to_delete(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A batch can half succeed."""
    emulator: Emulator = request.getfixturevalue(kind)
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    made = make_queue(emulator)
    made.send(*("x" * n for n in range(1, 13)))
    queue = SqsQueue(made.url)
    got: dict[str, QueueMessage] = {}
    while len(got) < 12:
        messages = await queue.receive(wait_seconds=1, visibility_seconds=60)
        got |= {message.id: message for message in messages}
    assert {message.receives for message in got.values()} == {1}
    await queue.show_again([got.popitem()[1]], 0)
    stranger = QueueMessage("7", "no receipt", "", 1)
    failed = await queue.delete([*got.values(), stranger])
    assert failed in ([stranger], [])  # an emulator may take any receipt
    assert made.counts() == (1, 0, 0)
    queue.close()


async def test_a_killed_watcher_loses_no_drop(
    settings: FleetSettings, s3: Buckets, valkey_url: str, queue: Queue
) -> None:
    """Killed with messages in its hands; the next one makes jobs of all, once each."""
    assert settings
    environment = {
        **s3.server.environment(),
        "AWS_ENDPOINT_URL_SQS": os.environ["AWS_ENDPOINT_URL_SQS"],  # noqa: TID251  # the fixture's
        "DOCFLEET_REDIS_URL": valkey_url,
        "DOCFLEET_INCOMING_BUCKET": s3.incoming,
        "DOCFLEET_RESULTS_BUCKET": s3.results,
        "DOCFLEET_WORK_BUCKET": s3.work,
        "DOCFLEET_WATCH__QUEUES": f'["{queue.url}"]',
        "DOCFLEET_WATCH__POLL_SECONDS": "1",
    }
    keys = [f"fnol/{number:03}.pdf" for number in range(300)]
    async with _watch_process(environment) as process:
        for key in keys:
            drop(s3, key)
        queue.send(*(_event(s3.incoming, key) for key in keys))
        async with asyncio.timeout(60):
            while not await specs_in(valkey_url):
                await asyncio.sleep(0.01)
        process.kill()
    async with _watch_process(environment) as process:
        specs = await until_jobs(valkey_url, len(keys))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert {spec.document.uri for spec in specs.values()} == {
        f"s3://{s3.incoming}/{k}" for k in keys
    }


@asynccontextmanager
async def _watch_process(environment: dict[str, str]) -> AsyncIterator[subprocess.Popen[bytes]]:
    """`docfleet watch`, when it has listed the bucket once."""
    ready, ready_of_part = os.pipe()
    process = subprocess.Popen(  # noqa: ASYNC220  # nothing else goes on here
        [sys.executable, "-m", "docfleet", "watch", "--port", "0"],
        cwd=ROOT,
        env=part_environment({**environment, READY_VARIABLE: str(ready_of_part)}),
        pass_fds=(ready_of_part,),
        stderr=subprocess.DEVNULL,
    )
    os.close(ready_of_part)
    try:
        assert await asyncio.to_thread(os.read, ready, 64) == READY_LINE
        yield process
    finally:
        os.close(ready)
        process.kill()
        process.wait()
