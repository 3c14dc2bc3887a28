"""The ledger's keys in Redis: every name, its type and what it holds.

The Lua scripts build the same names from the same prefix; `ledger/scripts.py` hands it to them.
"""

from __future__ import annotations

PREFIX = "docfleet:"

RECORD = PREFIX + "record:{id}"
"""Hash. One job or one delivery: what it is, where it stands, who holds its lease."""

HISTORY = PREFIX + "history:{id}"
"""List of JSON. Attempts that did not end well, and all of a delivery's; oldest first."""

QUEUES = PREFIX + "queues"
"""Set. The queues that have been used."""

LINE = PREFIX + "line:{queue}:{lane}"
"""Sorted set by rank. Records of one lane, TENANT or TENANT~low, that wait for their turn."""

TURNS = PREFIX + "turns:{queue}"
"""Sorted set by the queue's own time. Lanes with somebody in line, by when their turn comes."""

PAST = PREFIX + "past:{queue}"
"""Sorted set by the queue's own time. Empty lanes that had their share ahead of time."""

CLOCK = PREFIX + "clock:{queue}"
"""Number. The queue's own time: when the last turn began."""

OUT = PREFIX + "out:{queue}:{tenant}"
"""Set. A tenant's records that are dispatched or leased."""

WEIGHTS = PREFIX + "weights"
"""Hash. The weight of each tenant that has another than 1."""

BOUNDS = PREFIX + "bounds"
"""Hash. How many records a tenant may have out in each queue, where that is bounded."""

DISPATCHED = PREFIX + "dispatched:{queue}"
"""Sorted set by time. Records whose message is out and that no worker has claimed."""

LEASED = PREFIX + "leased:{queue}"
"""Sorted set by the lease's end. Records that a worker holds."""

WAITING = PREFIX + "waiting"
"""Sorted set by due time. Records that failed and will be tried again."""

PARKED = PREFIX + "parked"
"""Sorted set by time. Batches and files for which there is nothing to do before then."""

BATCHES = PREFIX + "batches:{tenant}"
"""Sorted set by time. A tenant's batches."""

FILES = PREFIX + "files:{tenant}"
"""Sorted set by time. A tenant's files of the OpenAI-compatible routes."""

POSTED = PREFIX + "posted:{tenant}:{digest}"
"""Text. What a request made that a client may send again because its answer was lost."""

DEAD = PREFIX + "dead"
"""Sorted set by time. Dead letters."""

DEAD_CODES = PREFIX + "dead_codes"
"""Hash. How many dead letters there are of each failure code."""

AWAITED = PREFIX + "awaited:{tenant}"
"""Hash. By a document's URI, the job that died last because nothing lay there."""

ADOPTED = PREFIX + "adopted:{id}"
"""Text. The job whose document a drop is, by the id of the job that it would be otherwise."""

DELETED = PREFIX + "deleted:{id}"
"""Text. Marks a job that was deleted, for a while: no drop becomes it again."""

ENDED = PREFIX + "ended"
"""Sorted set by time. Records that ended otherwise, until their retention is over."""

JOBS = PREFIX + "jobs:{tenant}"
"""Sorted set by time of creation: a tenant's jobs, for listing."""

REVIEWS = PREFIX + "reviews:{tenant}"
"""Sorted set by time of opening: the reviews of a tenant's results, by job, for listing."""

INDEXED = PREFIX + "indexed"
"""Set. The tenants that have jobs."""

FULL = PREFIX + "full"
"""Number. Bytes in use, while Redis is too full for another job; else absent."""

GATE = PREFIX + "gate:{queue}:{host}"
"""Number. How many requests at once the pool's engine on a host is given, after it died."""

ENGINES = PREFIX + "engines"
"""Hash. How often engines started and died, by QUEUE:started and QUEUE:died."""

OPENED = PREFIX + "opened"
"""Hash. How many records were written, by kind."""

CLOSED = PREFIX + "closed"
"""Hash. How many records ended in each state."""

CAPACITY = PREFIX + "capacity:{queue}"
"""Hash. How many records each worker can hold at once."""

WORKERS = PREFIX + "workers"
"""Sorted set by expiry. Workers that live; one whose time is over is dead."""

WORKER = PREFIX + "worker:{worker}"
"""Hash. Since when a worker takes no other work so that a suspect can run alone, and until when it
then serves the others first."""

HELD = PREFIX + "held:{worker}"
"""Sorted set by company. The records whose lease a worker holds."""

CALLED = PREFIX + "called:{worker}"
"""Sorted set by company. Suspects that a worker is told to take with its next heartbeat."""

SUSPECTS = PREFIX + "suspects:{queue}"
"""Sorted set by rank. Suspects that wait until a worker may take them beside few others."""

ALONE = PREFIX + "alone:{queue}"
"""Sorted set by rank. Suspects that wait until a worker has nothing else."""

WINDOW = PREFIX + "window:{queue}"
"""Number. How many records may be dispatched or leased at once."""

ENDPOINT = PREFIX + "endpoint:{id}"
"""Hash. A receiver that a tenant registered: where it is, what it wants, its sealed secrets."""

ENDPOINTS = PREFIX + "endpoints:{tenant}"
"""Set. A tenant's endpoints."""

CALLBACK_SECRETS = PREFIX + "callback-secrets:{tenant}"
"""Text, JSON. The sealed secrets that sign the callbacks of a tenant's jobs."""

DELIVERIES_OF = PREFIX + "deliveries_of:{tenant}"
"""Sorted set by time. A tenant's deliveries."""

DELIVERIES_TO = PREFIX + "deliveries:{endpoint}"
"""Sorted set by time. The deliveries to one endpoint."""

UNDER_WAY = PREFIX + "underway:{receiver}"
"""Set. Deliveries in line, dispatched or leased: to one endpoint, or to TENANT@ORIGIN."""

BEHIND = PREFIX + "behind:{receiver}"
"""Sorted set by rank. Those that wait until fewer to the same receiver are out."""

HELD_UP = PREFIX + "heldup"
"""Set. Receivers that have deliveries behind."""

RECEIVER = PREFIX + "receiver:{receiver}"
"""Hash. Failures of a receiver since it last acknowledged anything, and since when it fails."""

BROKEN = PREFIX + "broken"
"""Sorted set by time. Receivers whose circuit is open until then; after it, one tries."""

SWEPT = PREFIX + "swept"
"""Number. When the last sweep ran."""

STORED = PREFIX + "stored"
"""Hash. Bytes that the records and endpoints of each tenant take."""

MEMORY = PREFIX + "memory"
"""Number. Bytes that Redis may use, as the last sweep found it."""

AUDIT = PREFIX + "audit:{log}"
"""Stream. An audit log, of a tenant or of the fleet; nothing changes an entry."""

AUDITED = PREFIX + "audited"
"""Set. The audit logs that have entries."""

API_KEY = PREFIX + "api-key:{id}"
"""Hash. One key of the HTTP API, its secret hashed; Redis forgets it when it expires."""

API_KEYS = PREFIX + "api-keys"
"""Sorted set by time of creation. The keys of the HTTP API."""

API_KEYS_USED = PREFIX + "api-keys-used"
"""Hash. When each key of the HTTP API was used last."""


def record(record_id: str) -> str:
    """The hash of a job or a delivery."""
    return RECORD.format(id=record_id)


def history(record_id: str) -> str:
    """The list of a record's failed attempts."""
    return HISTORY.format(id=record_id)
