"""Options of the local stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workers.engine_kind import EngineKind


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Options of `docfleet up`.

    Attributes:
        config: The fleet's file.
        engine: Kind of engine of the infer workers.
        pool: Pool of the infer workers; None for the first pool of the file.
        infer_workers: Number of infer workers.
        concurrency: Their engine requests at once; None for the pool's.
        redis_port: Port of Redis; None finds a port, as for the other two.
        s3_port: See redis_port.
        api_port: See redis_port.
    """

    config: Path
    engine: EngineKind = EngineKind.VLLM
    pool: str | None = None
    infer_workers: int = 1
    concurrency: int | None = None
    redis_port: int | None = None
    s3_port: int | None = None
    api_port: int | None = None
