"""The Celery message of a record, rendered once by Celery and kombu themselves.

The ledger's scripts push messages inside Redis. They need the bytes that `send_task` would have
pushed, with four placeholders.
"""

from __future__ import annotations

import json
from functools import cache

from celery import Celery
from kombu import Connection

ID, QUEUE, TASK, TAG = "@id@", "@queue@", "@task@", "@tag@"


@cache
def message_template() -> str:
    """Return one message as JSON text, with the four placeholders for the scripts' values.

    The record's id is the Celery task's id, and the task takes no arguments.
    """
    app = Celery("docfleet", broker="memory://")
    app.conf.update(task_ignore_result=True)
    with Connection("memory://docfleet-template") as connection:
        producer = app.amqp.Producer(connection)
        app.send_task(
            TASK,
            task_id=ID,
            queue=QUEUE,
            producer=producer,
            argsrepr="",
            kwargsrepr="",
            ignore_result=True,
        )
        message = connection.default_channel.queues[QUEUE].get_nowait()
    message["properties"]["delivery_tag"] = TAG
    message["properties"].pop("reply_to")
    message["headers"]["origin"] = "docfleet"
    return json.dumps(message)
