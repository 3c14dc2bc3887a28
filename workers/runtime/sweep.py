"""The sweep: each worker regularly looks for faults and repairs them in the ledger."""

from __future__ import annotations

import structlog

from ledger.ledger import Ledger
from settings.sections.lease import LeaseSettings
from settings.sections.retention import RetentionSettings
from workers.metrics import count_swept
from workers.runtime.periodic import repeat

log = structlog.get_logger(__name__)


async def sweep_forever(ledger: Ledger, lease: LeaseSettings, retention: RetentionSettings) -> None:
    """Sweep until cancelled; in each interval, one of all workers does the work."""

    async def sweep() -> None:
        swept = await ledger.sweeps.run(
            every_seconds=lease.sweep_seconds,
            lease_seconds=lease.seconds,
            grace_seconds=lease.grace_seconds,
            losses=lease.attempts,
            retention_seconds=retention.closed_seconds,
        )
        count_swept(swept._asdict())
        if any(swept):
            log.info("swept", **swept._asdict())

    await repeat("sweep", lease.sweep_seconds, sweep)
