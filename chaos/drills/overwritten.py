"""`overwritten`: accepted documents that are overwritten before they are read.

Each version is a job of its own. In a bucket with versions all of them are read; in another bucket,
overwritten ones are dead letters that say so. No job has another version's result.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import partial

from chaos.drill import Drill, Scenario
from chaos.drills.bad_answers import behind_a_proxy
from demo.drop import s3_client
from producer.client import open_client
from producer.versions import dropped_job_id
from schemas.failure import FailureCode
from schemas.ids import result_key

_PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.2


class _Versions:
    """Documents of a drill, in two versions each.

    Args:
        drill: The drill.
        count: Number of documents.
    """

    def __init__(self, drill: Drill, count: int) -> None:
        self._drill = drill
        self._count = count
        self._bucket = drill.fleet.settings.incoming_bucket
        self._s3 = s3_client(drill.fleet.environment)
        self.digests: dict[str, str] = {}
        """The sha256 of each job's version, by job id."""

    async def keep(self) -> None:
        """Make the bucket keep overwritten versions."""

        def keep() -> None:
            self._s3.put_bucket_versioning(
                Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"}
            )

        await asyncio.to_thread(keep)

    async def drop(self, version: int) -> None:
        """Put one version of each document, and wait until each is a job."""
        client = open_client(self._drill.fleet.settings)
        try:
            for number in range(self._count):
                key = f"{self._drill.load.mark}/{number}.txt"
                words = f"Claim {self._drill.load.mark}-{number}\nThis is version {version}.\n"
                await asyncio.to_thread(
                    partial(self._s3.put_object, Bucket=self._bucket, Key=key, Body=words.encode())
                )
                drop = await client.store.find(f"s3://{self._bucket}/{key}")
                job_id = dropped_job_id(drop)
                self.digests[job_id] = hashlib.sha256(words.encode()).hexdigest()
                self._drill.load.accepted[job_id] = drop.modified_at.timestamp()
                self._drill.load.planned += 1
        finally:
            await client.close()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await self._are_jobs():
                await asyncio.sleep(_LOOK_SECONDS)

    async def _are_jobs(self) -> bool:
        await self._drill.look()
        return all(record.state is not None for record in self._drill.records.values())

    async def read(self) -> dict[str, str]:
        """Return the sha256 that each job with a result has read, by job id."""
        read = {}
        bucket = self._drill.fleet.settings.results_bucket
        for job_id, record in self._drill.records.items():
            if not record.code:
                answer = await asyncio.to_thread(
                    partial(self._s3.get_object, Bucket=bucket, Key=result_key(job_id))
                )
                read[job_id] = json.loads(answer["Body"].read())["document"]["sha256"]
        return read

    def close(self) -> None:
        """Close the connections."""
        self._s3.close()


async def _run(drill: Drill, *, keeps: bool) -> None:
    count = int(drill.size(20, 4))
    versions = _Versions(drill, count)
    reader = drill.fleet.parts["prepare-deliver"]
    try:
        if keeps:
            await versions.keep()
        reader.hold()
        await reader.kill()
        for version in (1, 2):
            await versions.drop(version)
        reader.release()
        await drill.finish()
        drill.row.injected = count
        drill.row.dead_expected = 0 if keeps else count
        read = await versions.read()
    finally:
        versions.close()
    others = sum(digest != versions.digests[job_id] for job_id, digest in read.items())
    drill.expect(f"{others} jobs have another version's result", holds=not others)
    codes = {record.code for record in drill.records.values()} - {""}
    drill.expect(f"jobs died of {codes}", holds=codes <= {FailureCode.DOCUMENT_CHANGED})
    drill.row.notes["versions read"] = len(set(read.values()))


SCENARIOS = (
    Scenario(
        "overwritten",
        "what is overwritten before it is read is told of, and not mixed up",
        behind_a_proxy,
        partial(_run, keeps=False),
    ),
    Scenario(
        "overwritten-versions",
        "in a bucket with versions, what is overwritten is read all the same",
        behind_a_proxy,
        partial(_run, keeps=True),
    ),
)
