"""Metrics of the API: the ledger's depth, in the format of Prometheus.

A counter of 0 is written too: Prometheus does not count the first value of a new series as growth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.fleet.depth import FleetDepth, LedgerMemory, QueueDepth
from producer.access.pseudonyms import Pseudonyms
from schemas.queues import DELIVER_QUEUE
from schemas.states import CLOSED

_KINDS = {"job": "job", "batch": "batch", "file": "file", "msg": "delivery"}


class DepthCollector(Collector):
    """Collector for one reading of the ledger.

    Args:
        depth: The reading.
        pseudonyms: Pseudonyms of tenants; None for their names.
    """

    def __init__(self, depth: FleetDepth, pseudonyms: Pseudonyms | None = None) -> None:
        self._depth = depth
        self._of_lane = pseudonyms.of_lane if pseudonyms else str
        self._of_tenant = pseudonyms.of_tenant if pseudonyms else str

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the reading."""
        yield _records(self._depth.queues)
        yield _lanes(self._depth.queues, self._of_lane)
        for name, words, value in _BY_QUEUE:
            family = GaugeMetricFamily(f"docfleet_queue_{name}", words, labels=["queue"])
            for queue in self._depth.queues:
                family.add_metric([queue.queue], getattr(queue, value))
            yield family
        yield GaugeMetricFamily(
            "docfleet_waiting_records",
            "Records that failed and will be tried again.",
            value=self._depth.waiting,
        )
        yield _dead_letters(self._depth.dead)
        yield _opened(self._depth.opened)
        yield _closed(self._depth.closed)
        yield from _engines(self._depth.engines)
        yield from _memory(self._depth.memory)
        yield _stored(self._depth.stored, self._of_tenant)


_BY_QUEUE = (
    ("capacity", "Records that the queue's live workers can hold at once.", "capacity"),
    ("workers", "Live workers of the queue.", "workers"),
    (
        "head_age_seconds",
        "Seconds since the head of the line was submitted; 0 with no line.",
        "head_age_seconds",
    ),
)


def _records(queues: tuple[QueueDepth, ...]) -> Metric:
    family = GaugeMetricFamily(
        "docfleet_queue_records",
        "Records of a queue: in line, suspects that wait to run with few others or alone, "
        "dispatched and not claimed, leased by a worker, or behind others to the same receiver.",
        labels=["queue", "place"],
    )
    for queue in queues:
        family.add_metric([queue.queue, "in_line"], queue.in_line)
        family.add_metric([queue.queue, "suspects"], queue.suspects)
        family.add_metric([queue.queue, "dispatched"], queue.dispatched)
        family.add_metric([queue.queue, "leased"], queue.leased)
        if queue.queue == DELIVER_QUEUE:
            family.add_metric([queue.queue, "behind"], queue.behind)
    return family


def _lanes(queues: tuple[QueueDepth, ...], name: Callable[[str], str]) -> Metric:
    family = GaugeMetricFamily(
        "docfleet_lane_records",
        "Records in line, by tenant; low priority has a lane of its own.",
        labels=["queue", "lane"],
    )
    for queue in queues:
        for lane, count in queue.lanes.items():
            family.add_metric([queue.queue, name(lane)], count)
    return family


def _dead_letters(dead: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "docfleet_dead_letters", "Dead letters, by failure code.", labels=["code"]
    )
    for code, count in sorted(dead.items()):
        family.add_metric([code], count)
    return family


def _closed(closed: dict[str, int]) -> Metric:
    family = CounterMetricFamily(
        "docfleet_closed", "Records that ended, by kind and state.", labels=["kind", "state"]
    )
    for prefix, kind in _KINDS.items():
        for state in sorted(CLOSED):
            family.add_metric([kind, state], closed.get(f"{prefix}:{state}", 0))
    return family


def _opened(opened: dict[str, int]) -> Metric:
    family = CounterMetricFamily(
        "docfleet_opened", "Records that were written, by kind.", labels=["kind"]
    )
    for prefix, kind in _KINDS.items():
        family.add_metric([kind], opened.get(prefix, 0))
    return family


def _engines(engines: dict[str, int]) -> Iterator[Metric]:
    """Counted in the ledger, because an engine's death ends its worker with all its counters."""
    queues = sorted({name.rpartition(":")[0] for name in engines})
    for event, words in (("started", "were started"), ("died", "died")):
        family = CounterMetricFamily(
            f"docfleet_engines_{event}", f"Engines that {words}.", labels=["queue"]
        )
        for queue in queues:
            family.add_metric([queue], engines.get(f"{queue}:{event}", 0))
        yield family


def _memory(memory: LedgerMemory) -> Iterator[Metric]:
    for name, words, value in (
        ("used_bytes", "Memory that Redis uses.", memory.used_bytes),
        ("limit_bytes", "Redis' maxmemory; 0 where there is none.", memory.limit_bytes),
    ):
        yield GaugeMetricFamily(f"docfleet_ledger_{name}", words, value=value)
    yield GaugeMetricFamily(
        "docfleet_ledger_full",
        "1 while Redis is so full that submits are refused.",
        value=memory.full,
    )


def _stored(stored: dict[str, int], name: Callable[[str], str]) -> Metric:
    family = GaugeMetricFamily(
        "docfleet_tenant_stored_bytes",
        "What a tenant's records take of the ledger.",
        labels=["tenant"],
    )
    for tenant, count in sorted(stored.items()):
        family.add_metric([name(tenant)], count)
    return family


def metrics_text(depth: FleetDepth, pseudonyms: Pseudonyms | None = None) -> bytes:
    """Return a reading in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DepthCollector(depth, pseudonyms))
    return generate_latest(registry)
