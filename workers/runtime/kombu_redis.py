"""Celery's connection to Redis: settings, and two corrections of kombu.

The ledger restores work; kombu must not. On a lost connection, kombu puts its unacknowledged
messages back and acknowledges late through a released connection. Both raise AttributeError, which
Celery does not catch, and the worker exits. A lost acknowledgement costs one refused claim.
"""

from __future__ import annotations

from typing import Any

import structlog
from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import base as kombu_base

log = structlog.get_logger(__name__)

CELERY_SETTINGS: dict[str, Any] = {
    "broker_transport_options": {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
        "priority_steps": [0],
        "socket_timeout": 15,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    "broker_channel_error_retry": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "task_acks_late": True,
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_disable_prefetch": True,
    "worker_hijack_root_logger": False,
    "worker_prefetch_multiplier": 1,
}


class ForgivingQoS(kombu_redis.QoS):  # type: ignore[misc]  # kombu ships no types
    """Acknowledges when it can, and never ends the worker."""

    restore_at_shutdown = False

    def append(self, message: Any, delivery_tag: str) -> None:
        """Record an unacknowledged message; continue without the record when Redis is full."""
        try:
            super().append(message, delivery_tag)
        except Exception as error:  # noqa: BLE001  # the worker must survive every error
            log.warning("message not noted", error=f"{type(error).__name__}: {error}")
            kombu_base.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge; log a failure, since the ledger drops the duplicate."""
        try:
            super().ack(delivery_tag)
        except Exception as error:  # noqa: BLE001  # the worker must survive every error
            log.warning("acknowledgement lost", error=f"{type(error).__name__}: {error}")
            kombu_base.QoS.ack(self, delivery_tag)


def mend_kombu() -> None:
    """Make kombu's Redis channels leave the restoring of work to the ledger."""
    kombu_redis.Channel.do_restore = False
    kombu_redis.Channel.QoS = ForgivingQoS
