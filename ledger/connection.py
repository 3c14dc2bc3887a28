"""The connection to Redis, and the translation of its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ledger.errors import (
    LedgerError,
    LedgerFullError,
    LedgerRefusedError,
    LedgerUnavailableError,
)

_CONNECTIONS = 64
_PASSING = ("MISCONF", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "UNKILLABLE")
"""Beginnings of the errors that pass by themselves: a full disk, a missing replica, a slow
script."""
_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    MasterDownError,
    ReadOnlyError,
)
"""Message of a passing outage: the request was not done, or its outcome is unknown."""


def open_redis(redis_url: str, *, timeout: float, retries: int) -> Redis:
    """Return a client that sends commands again when the connection breaks.

    Args:
        redis_url: `redis://[:password@]host:port/db`.
        timeout: Seconds for one answer.
        retries: How often a command is sent again.
    """
    # A caller waits when all connections are in use; the default pool would raise an error.
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=_CONNECTIONS,
        timeout=timeout,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, 5),
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), retries),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, BusyLoadingError],
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def available() -> AsyncIterator[None]:
    """Translate the errors of Redis into those of the ledger."""
    try:
        yield
    except OutOfMemoryError as error:
        raise LedgerFullError(
            "Redis has reached its maxmemory: wait for the backlog to shrink, or raise it"
        ) from error
    except (AuthenticationError, AuthorizationError) as error:
        raise LedgerRefusedError(
            f"Redis refuses the password, of DOCFLEET_REDIS_URL or DOCFLEET_REDIS_PASSWORD: {error}"
        ) from error
    except _AWAY as error:
        raise LedgerUnavailableError(f"Redis does not answer: {error}") from error
    except ResponseError as error:
        if str(error).startswith(_PASSING):
            raise LedgerUnavailableError(f"Redis cannot write now: {error}") from error
        raise LedgerError(f"Redis refuses: {error}") from error
    except RedisError as error:
        raise LedgerError(f"Redis refuses: {error}") from error
