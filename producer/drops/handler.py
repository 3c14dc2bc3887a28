"""The drop handler: settles each drop by the rules, with a manifest where a rule wants one."""

from __future__ import annotations

import structlog

from producer.drops.bucket_event import is_noise
from producer.drops.manifest_tracker import Manifests
from producer.drops.submitter import DropSubmitter
from schemas.document import bucket_and_key
from storage.objects import ObjectInfo

log = structlog.get_logger(__name__)


class DropHandler:
    """Settles drops, for all watched buckets.

    Args:
        drops: Knows the rules, and submits drops.
        manifest_wait_seconds: Maximum seconds that a manifest waits for its documents.
    """

    def __init__(self, drops: DropSubmitter, manifest_wait_seconds: float) -> None:
        self._drops = drops
        self._manifests = Manifests(drops, manifest_wait_seconds)

    async def settle(self, drop: ObjectInfo) -> bool:
        """Submit a drop, or find that it needs no job.

        Returns:
            True when the drop is settled; False when it has to be tried again.

        Raises:
            StorageError: The object store failed.
            LedgerError: The ledger cannot take it now.
        """
        if is_noise(bucket_and_key(drop.uri)[1]):
            return True
        fit = await self._drops.fit(drop)
        if fit is None:
            log.warning("no rule fits this drop: add one to fleet.toml, then restart", uri=drop.uri)
            return True
        if fit.is_manifest:
            return await self._manifests.take_manifest(drop, fit.rule)
        if fit.rule.manifest is not None:
            return await self._manifests.take_document(drop, fit.rule)
        return await self._drops.submit(drop, fit.rule)
