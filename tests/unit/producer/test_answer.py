"""How answers are sent."""

from __future__ import annotations

from starlette.types import Message

from producer.http.limits.answer import paced


async def test_a_large_body_is_sent_in_blocks() -> None:
    """The server lets the next one wait until its reader has taken the last; nothing is lost."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    body = bytes(range(256)) * 1_000
    head: Message = {"type": "http.response.start", "status": 200, "headers": []}
    whole: Message = {"type": "http.response.body", "body": body}
    for message in (head, {**whole, "more_body": True}, whole):
        await paced(send)(message)
    assert sent[0] == head
    blocks = sent[1:]
    assert b"".join(block["body"] for block in blocks) == body * 2
    assert max(len(block["body"]) for block in blocks) <= 64 * 2**10
    assert [block["more_body"] for block in blocks] == [True] * (len(blocks) - 1) + [False]
