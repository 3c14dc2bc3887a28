"""The Celery app of the plain way: one task that reads, asks `vllm serve`, and stores the answers.

Written in the usual way: late acknowledgement, one message at a time, a thread for each request
that the server handles at once. Celery, boto3 and OpenAI's client read the places of Redis, the
object store and the server from their own variables.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3
from celery import Celery
from openai import OpenAI

TASK = "bench.plain_worker.run"

app = Celery("plain")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, result_expires=600)


@cache
def _clients() -> tuple[Any, OpenAI]:
    return boto3.client("s3"), OpenAI(max_retries=0)


def run(bucket: str, key: str, requests: list[dict[str, Any]]) -> int:
    """Run all tasks on one document, one after the other.

    Args:
        bucket: Bucket of its text and of its answers.
        key: Key of its text.
        requests: Bodies of chat completions, with a question that lacks its document.

    Returns:
        Number of answers.
    """
    s3, server = _clients()
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    answers = []
    for request in requests:
        question = request["messages"][-1]
        question["content"] = text.strip() + question["content"]
        answer = server.chat.completions.create(**request)
        answers.append(json.loads(answer.choices[0].message.content))
    s3.put_object(Bucket=bucket, Key=f"plain/{key}.json", Body=json.dumps(answers).encode())
    return len(answers)


app.task(run, name=TASK)
