"""Ports of docfleet's own servers, as far as a process's settings name them."""

from __future__ import annotations

from urllib.parse import urlsplit

from settings.environment import object_store_url
from settings.fleet import FleetSettings

_REDIS_PORT = 6379
_SHARED = frozenset({80, 443})
"""Ports that servers of any kind use, receivers included."""


def own_ports(settings: FleetSettings) -> frozenset[int]:
    """Return the ports of Redis, of the object store, of metrics and of `[callbacks] own_ports`."""
    redis = settings.redis_url.get_secret_value() if settings.redis_url else ""
    found = {
        urlsplit(redis).port or _REDIS_PORT,
        urlsplit(object_store_url()).port,
        settings.metrics_port,
        *settings.callbacks.own_ports,
    }
    return frozenset(port for port in found if port is not None) - _SHARED
