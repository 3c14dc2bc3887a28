"""Tokens in a receiver's URL: the receiver gets them, and nobody is shown them."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from schemas.dead_letter import DeadLetterFilter
from schemas.job import DEFAULT_TENANT
from schemas.states import JobState
from tests.fixtures.deliver_scene import DeliverScene, TestReceiver

TOKEN = "t0ken-of-the-receiver"


async def _shown(scene: DeliverScene, job_id: str) -> str:
    """All that API and command show of a job, its deliveries and what became of them."""
    job = await scene.ledger.job(job_id)
    assert job is not None
    letters = [one async for one in scene.ledger.dead_letters.each(DeadLetterFilter())]
    endpoints = await scene.endpoints.of_tenant(DEFAULT_TENANT)
    everything = (job, *letters, *endpoints, *await scene.deliveries())
    return "\n".join(one.model_dump_json() for one in everything)


async def test_a_token_reaches_the_receiver_and_nothing_that_is_shown(
    scene: DeliverScene, receiver: TestReceiver
) -> None:
    """Neither job and delivery, nor endpoint and dead letter, nor another endpoint's event."""
    receiver.answers(410)
    url = f"{receiver.url}?token={TOKEN}"
    await scene.endpoint(url, events=["job.succeeded"])
    await scene.endpoint(receiver, events=["endpoint.disabled"])
    with capture_logs() as logs:
        job_id = await scene.end_job(url)
        await scene.until(lambda: len(receiver.arrivals) == 3)
        deliveries = await scene.settled()
    assert [one.query for one in receiver.arrivals].count(f"token={TOKEN}") == 2
    assert {one.state for one in deliveries} == {JobState.DEAD}
    shown = await _shown(scene, job_id)
    events = "".join(one.body for one in receiver.arrivals)
    assert TOKEN not in shown + events + str(logs)
    # The job, two dead letters, the endpoint, two deliveries.
    assert shown.count("?token=***") == 6
    assert events.count("?token=***") == 1


async def test_an_answer_that_is_no_http_is_told_without_the_url(scene: DeliverScene) -> None:
    """The library would quote it."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 smtp.example ESMTP\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with capture_logs() as logs:
            job_id = await scene.end_job(f"http://127.0.0.1:{port}/hook?{TOKEN}")
            (delivery,) = await scene.settled()
    assert delivery.history[0].failure is not None
    assert "ClientResponseError" in delivery.history[0].failure.message
    assert TOKEN not in await _shown(scene, job_id) + str(logs)
