"""The endpoint of a process's metrics and health."""

from __future__ import annotations

import json
import socket
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from settings.errors import SettingsError
from settings.fleet import FleetSettings, load_settings
from settings.metrics_endpoint import serving_metrics
from workers.runtime.heartbeat import LastBeat

CONFIG = Path(__file__).parents[3] / "fleet.toml"


def _settings(port: int | None, host: str = "127.0.0.1") -> FleetSettings:
    return load_settings(CONFIG, metrics_port=port, metrics_host=host)


def _asked(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str, str]:
    try:
        with urlopen(f"http://{host}:{port}{path}") as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["content-type"], refusal.read().decode()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True


_IPV6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")


@pytest.mark.parametrize(
    ("bound", "asked"),
    [("127.0.0.1", "127.0.0.1"), pytest.param("::1", "[::1]", marks=_IPV6)],
)
def test_metrics_and_health_are_served_and_nothing_else(
    unused_tcp_port: int, bound: str, asked: str
) -> None:
    """Until the block ends; no series says when it was created."""
    with serving_metrics(_settings(unused_tcp_port, bound), lambda: None):
        status, media_type, text = _asked(unused_tcp_port, "/metrics?x=1", asked)
        assert (status, media_type.partition(";")[0]) == (HTTPStatus.OK, "text/plain")
        assert "\nprocess_resident_memory_bytes " in text
        assert "_created" not in text
        assert _asked(unused_tcp_port, "/healthz", asked)[2] == '{"status": "ok"}'
        assert _asked(unused_tcp_port, "/v1/jobs", asked)[0] == HTTPStatus.NOT_FOUND
    with pytest.raises(URLError):
        _asked(unused_tcp_port, "/healthz", asked)


def test_what_ails_the_process_is_told_with_a_503(unused_tcp_port: int) -> None:
    """At each moment anew."""
    ailments = iter(["starting", None])
    with serving_metrics(_settings(unused_tcp_port), lambda: next(ailments)):
        status, _, text = _asked(unused_tcp_port, "/healthz")
        assert (status, json.loads(text)) == (503, {"status": "starting"})
        assert _asked(unused_tcp_port, "/healthz")[0] == HTTPStatus.OK


def test_a_port_that_is_taken_is_a_wrong_setting() -> None:
    """The message names the setting and the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = f"metrics_port: 127.0.0.1:{port} cannot be listened to: Address already in use"
        with (
            pytest.raises(SettingsError, match=words),
            serving_metrics(_settings(port), lambda: None),
        ):
            pass


def test_without_a_port_nothing_is_served() -> None:
    """The default."""
    with serving_metrics(_settings(None), lambda: None):
        pass


def test_a_worker_whose_heartbeat_missed_redis_for_a_lease_is_not_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the first beat the worker starts."""
    now = 100.0
    monkeypatch.setattr("workers.runtime.heartbeat.monotonic", lambda: now)
    last_beat = LastBeat(10)
    assert last_beat.health_problem() == "starting"
    last_beat.note()
    now += 9.9
    assert last_beat.health_problem() is None
    now += 2
    assert last_beat.health_problem() == "no heartbeat has reached Redis for 12 s"
