"""The ledger's keys in Redis: their names, types and contents.

The Lua scripts build the same names from the same prefix, which `ledger/scripts.py` gives them.
"""

from __future__ import annotations

PREFIX = "docfleet:"

RECORD = PREFIX + "record:{id}"
"""Hash. One job or one delivery: its spec, its state and the holder of its lease."""

HISTORY = PREFIX + "history:{id}"
"""List of JSON. Failed attempts, and all attempts of a delivery; oldest first."""

QUEUES = PREFIX + "queues"
"""Set. The queues that have been used."""

LINE = PREFIX + "line:{queue}:{lane}"
"""Sorted set by rank. Records of one lane, TENANT or TENANT~low, that wait for their turn."""

TURNS = PREFIX + "turns:{queue}"
"""Sorted set by the queue's own time. Lanes with records in line, by the time of their turn."""

PAST = PREFIX + "past:{queue}"
"""Sorted set by the queue's own time. Empty lanes that took their share ahead of time."""

CLOCK = PREFIX + "clock:{queue}"
"""Number. The queue's own time: the start of the last turn."""

OUT = PREFIX + "out:{queue}:{tenant}"
"""Set. A tenant's records that are dispatched or leased."""

WEIGHTS = PREFIX + "weights"
"""Hash. The weight of each tenant whose weight is not 1."""

BOUNDS = PREFIX + "bounds"
"""Hash. Maximum records that a tenant may have out in each queue, if bounded."""

DISPATCHED = PREFIX + "dispatched:{queue}"
"""Sorted set by time. Records whose message is out and that no worker has claimed."""

LEASED = PREFIX + "leased:{queue}"
"""Sorted set by the lease's end. Records that a worker holds."""

WAITING = PREFIX + "waiting"
"""Sorted set by due time. Records that failed and will be tried again."""

PARKED = PREFIX + "parked"
"""Sorted set by time. Batches and files that need no work before that time."""

BATCHES = PREFIX + "batches:{tenant}"
"""Sorted set by time. A tenant's batches."""

FILES = PREFIX + "files:{tenant}"
"""Sorted set by time. A tenant's files of the OpenAI-compatible routes."""

POSTED = PREFIX + "posted:{tenant}:{digest}"
"""Text. The outcome of a request, for a client that lost the answer and sends it again."""

DEAD = PREFIX + "dead"
"""Sorted set by time. Dead letters."""

DEAD_CODES = PREFIX + "dead_codes"
"""Hash. Count of dead letters by failure code."""

AWAITED = PREFIX + "awaited:{tenant}"
"""Hash. By a document's URI, the last job that died because there was no object."""

ADOPTED = PREFIX + "adopted:{id}"
"""Text. The job whose document a drop is, by the id of the job that the drop would otherwise
become."""

DELETED = PREFIX + "deleted:{id}"
"""Text. Marks a job that was deleted, for a while: no drop becomes it again."""

ENDED = PREFIX + "ended"
"""Sorted set by time. Other records that ended, until their retention is over."""

JOBS = PREFIX + "jobs:{tenant}"
"""Sorted set by time of creation. A tenant's jobs, for listing."""

REVIEWS = PREFIX + "reviews:{tenant}"
"""Sorted set by time of opening: the reviews of a tenant's results, by job, for listing."""

INDEXED = PREFIX + "indexed"
"""Set. The tenants that have jobs."""

FULL = PREFIX + "full"
"""Number. Bytes in use while Redis is too full for another job; absent otherwise."""

GATE = PREFIX + "gate:{queue}:{host}"
"""Number. Requests at once that the pool's engine on a host may have after its death."""

ENGINES = PREFIX + "engines"
"""Hash. Count of engine starts and deaths, by QUEUE:started and QUEUE:died."""

OPENED = PREFIX + "opened"
"""Hash. Count of records that were written, by kind."""

CLOSED = PREFIX + "closed"
"""Hash. Count of records that ended in each state."""

CAPACITY = PREFIX + "capacity:{queue}"
"""Hash. Maximum records that each worker can hold at once."""

WORKERS = PREFIX + "workers"
"""Sorted set by expiry. Live workers; a worker whose time is over is dead."""

WORKER = PREFIX + "worker:{worker}"
"""Hash. Time since which a worker takes no other work so that a suspect can run alone, and the
time until which it then serves the other records first."""

HELD = PREFIX + "held:{worker}"
"""Sorted set by company. The records whose lease a worker holds."""

CALLED = PREFIX + "called:{worker}"
"""Sorted set by company. Suspects that a worker is told to take with its next heartbeat."""

SUSPECTS = PREFIX + "suspects:{queue}"
"""Sorted set by rank. Suspects that wait until a worker may take them beside few others."""

ALONE = PREFIX + "alone:{queue}"
"""Sorted set by rank. Suspects that wait until a worker holds nothing else."""

WINDOW = PREFIX + "window:{queue}"
"""Number. Maximum records that may be dispatched or leased at once."""

ENDPOINT = PREFIX + "endpoint:{id}"
"""Hash. A receiver that a tenant registered: its URL, its event filter and its sealed secrets."""

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
"""Sorted set by rank. Deliveries that wait until fewer to the same receiver are out."""

HELD_UP = PREFIX + "heldup"
"""Set. Receivers with deliveries that wait behind others."""

RECEIVER = PREFIX + "receiver:{receiver}"
"""Hash. Failures of a receiver since its last acknowledgement, and the time of the first one."""

BROKEN = PREFIX + "broken"
"""Sorted set by time. Receivers whose circuit is open until then; after that, one delivery
tries."""

SWEPT = PREFIX + "swept"
"""Number. Time of the last sweep."""

STORED = PREFIX + "stored"
"""Hash. Bytes that the records and endpoints of each tenant take."""

MEMORY = PREFIX + "memory"
"""Number. Bytes that Redis may use, as the last sweep found."""

AUDIT = PREFIX + "audit:{log}"
"""Stream. An audit log, of a tenant or of the fleet; nothing changes an entry."""

AUDITED = PREFIX + "audited"
"""Set. The audit logs that have entries."""

API_KEY = PREFIX + "api-key:{id}"
"""Hash. One key of the HTTP API, its secret hashed; Redis forgets it when it expires."""

API_KEYS = PREFIX + "api-keys"
"""Sorted set by time of creation. The keys of the HTTP API."""

API_KEYS_USED = PREFIX + "api-keys-used"
"""Hash. Time of the last use of each API key."""

ADAPTER = PREFIX + "adapter:{ref}"
"""Hash. An adapter of the registry, by NAME@VERSION; only its state changes."""

ADAPTERS = PREFIX + "adapters"
"""Sorted set by time of adding. The adapters of the registry."""

ADAPTERS_STABLE = PREFIX + "adapters-stable"
"""Hash. The default adapter of each task that has one."""

BASE_MODELS = PREFIX + "base-models"
"""Hash, JSON. The base model of each pool, as its workers have it."""


def record(record_id: str) -> str:
    """Return the key of a record's hash."""
    return RECORD.format(id=record_id)


def history(record_id: str) -> str:
    """Return the key of the list of a record's failed attempts."""
    return HISTORY.format(id=record_id)
