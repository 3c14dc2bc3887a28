"""The messages that the ledger's scripts push are those that Celery would have sent."""

from __future__ import annotations

import json

from celery import Celery
from redis.asyncio import Redis

from ledger.ledger import Ledger
from schemas.document import DocumentRef
from schemas.ids import new_job_id
from schemas.job import JobSpec

CHOSEN_BY_SENDER = {"origin", "reply_to", "delivery_tag"}


async def test_a_pushed_message_is_what_send_task_pushes(valkey_url: str) -> None:
    """Field for field, but for who sent it, the reply queue and the delivery's own tag."""
    job_id = new_job_id()
    ledger = Ledger(valkey_url)
    await ledger.submit(job_id, JobSpec(document=DocumentRef(uri="s3://b/k"), tasks=("t",)))
    await ledger.close()

    app = Celery("other", broker=valkey_url, set_as_current=False)
    app.conf.broker_transport_options = {"priority_steps": [0]}
    app.send_task(
        "docfleet.prepare",
        task_id=job_id,
        queue="prepare",
        argsrepr="",
        kwargsrepr="",
        ignore_result=True,
    )
    app.close()

    async with Redis.from_url(valkey_url, decode_responses=True) as redis:
        sent, pushed = [json.loads(text) for text in await redis.lrange("prepare", 0, -1)]
    assert _without_sender(pushed) == _without_sender(sent)
    assert pushed["properties"]["delivery_tag"]


def _without_sender(message: dict[str, dict[str, object]]) -> dict[str, object]:
    return {
        part: {key: value for key, value in content.items() if key not in CHOSEN_BY_SENDER}
        if isinstance(content, dict)
        else content
        for part, content in message.items()
    }
