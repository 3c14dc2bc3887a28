"""One SQS queue: boto3 in threads.

boto3 finds the endpoint and the credentials: AWS_ENDPOINT_URL_SQS, AWS_ACCESS_KEY_ID, profiles,
instance roles. The region is that of the queue's URL, if it names one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from producer.errors import QueueError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_T = TypeVar("_T")
_BATCH = 10
"""Maximum messages of one SQS call."""
_REGION = re.compile(r"^https://(?:sqs|queue)\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message that this process holds until its visibility timeout passes.

    Attributes:
        id: SQS' id of the message.
        receipt: SQS' id of this receive.
        body: The message's text.
        receives: Number of receives, this one included.
    """

    id: str
    receipt: str
    body: str
    receives: int


class SqsQueue:
    """A queue; every method raises QueueError when SQS does not answer or refuses.

    Args:
        url: The queue's URL.
        threads: Maximum calls at once.
    """

    def __init__(self, url: str, *, threads: int = 16) -> None:
        self.url = url
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sqs")
        region = _REGION.match(url)
        config = Config(
            connect_timeout=5,
            read_timeout=30,  # a long poll takes 20
            max_pool_connections=threads,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        session = boto3.Session(region_name=region.group(1) if region else None)
        self._client: SQSClient = session.client("sqs", config=config)

    async def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[QueueMessage]:
        """Return at most 10 messages; wait for the first one.

        Args:
            wait_seconds: Maximum seconds to wait.
            visibility_seconds: Seconds for which no other consumer gets them.
        """
        answer = await self._run(
            lambda: self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=visibility_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        )
        return [_message(entry) for entry in answer.get("Messages", ())]

    async def delete(self, messages: Iterable[QueueMessage]) -> list[QueueMessage]:
        """Delete messages; return those that SQS failed to delete."""
        return await self._each_batch(
            messages,
            lambda entries: self._client.delete_message_batch(QueueUrl=self.url, Entries=entries),
            {},
        )

    async def show_again(
        self, messages: Iterable[QueueMessage], seconds: int
    ) -> list[QueueMessage]:
        """Make messages visible again after a number of seconds; return those that failed."""
        return await self._each_batch(
            messages,
            lambda entries: self._client.change_message_visibility_batch(
                QueueUrl=self.url, Entries=entries
            ),
            {"VisibilityTimeout": seconds},
        )

    async def has_redrive_policy(self) -> bool:
        """Tell whether SQS moves away a message that was received too often."""
        answer = await self._run(
            lambda: self._client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["RedrivePolicy"]
            )
        )
        return "RedrivePolicy" in answer.get("Attributes", {})

    def close(self) -> None:
        """Close the threads and the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _each_batch(
        self, messages: Iterable[QueueMessage], call: Callable[[Any], Any], more: dict[str, Any]
    ) -> list[QueueMessage]:
        async def one(batch: Sequence[QueueMessage]) -> list[QueueMessage]:
            entries = [
                {"Id": str(n), "ReceiptHandle": message.receipt, **more}
                for n, message in enumerate(batch)
            ]
            answer = await self._run(lambda: call(entries))
            return [batch[int(entry["Id"])] for entry in answer.get("Failed", ())]

        failed = await asyncio.gather(*(one(batch) for batch in _batches(messages)))
        return [message for batch in failed for message in batch]

    async def _run(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (BotoCoreError, ClientError) as error:
            raise QueueError(f"{self.url}: {error}") from error


def _batches(messages: Iterable[QueueMessage]) -> Iterable[Sequence[QueueMessage]]:
    left = iter(messages)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _message(entry: Any) -> QueueMessage:
    receives = entry.get("Attributes", {}).get("ApproximateReceiveCount", "1")
    return QueueMessage(
        id=entry["MessageId"],
        receipt=entry["ReceiptHandle"],
        body=entry["Body"],
        receives=int(receives),
    )
