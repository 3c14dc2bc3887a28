"""Files of the OpenAI-compatible routes: records that wait until their file expires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from ledger import keys
from ledger.connection import available
from ledger.errors import LedgerFullError
from ledger.openai.listing import read_listed
from ledger.record import duration_ms
from ledger.scripts import Scripts
from ledger.share import check_share
from schemas.openai.file import FileObject, FilePurpose, FileSpec
from schemas.quota import NO_QUOTA, Quota


class StoredFile(FileObject):
    """A file and the URI of its object."""

    tenant: str
    uri: str

    def public(self) -> FileObject:
        """Return the file as its owner sees it."""
        return FileObject(**self.model_dump(exclude={"tenant", "uri"}))


class FileRecords:
    """The files of one ledger; every method may raise LedgerUnavailableError."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._scripts = scripts

    async def create(
        self, file_id: str, spec: FileSpec, seconds: float, quota: Quota = NO_QUOTA
    ) -> None:
        """Write the record of a file whose object exists, unless the record exists.

        Args:
            file_id: A new id, or that of the same file.
            spec: Content of the record.
            seconds: Seconds for which the file is kept.
            quota: Limits of the tenant.

        Raises:
            LedgerFullError: Redis nears its maxmemory.
            TenantShareError: The tenant's records take as much memory as they may.
        """
        answer = await self._scripts.run(
            "create_file",
            [keys.record(file_id)],
            [file_id, spec.model_dump_json(), spec.tenant, duration_ms(seconds), quota.stored],
        )
        check_share(spec.tenant, answer)
        if answer[0] == "full":
            raise LedgerFullError("Redis uses 80 % of its maxmemory: no file can be taken now")

    async def get(self, file_id: str) -> StoredFile | None:
        """Return a file, or None for an unknown or deleted one."""
        async with available():
            fields: Any = await self._redis.hgetall(keys.record(file_id))
        return _read(file_id, fields) if _is_there(fields) else None

    async def in_use(self, file_id: str) -> bool:
        """Tell whether a batch that has not ended reads the file."""
        async with available():
            count: Any = await self._redis.hget(keys.record(file_id), "in_use")
        return int(count or 0) > 0

    async def page(
        self,
        tenant: str,
        *,
        purpose: FilePurpose | None,
        after: str | None,
        limit: int,
        newest_first: bool,
    ) -> list[StoredFile]:
        """Return one page of a tenant's files.

        Args:
            tenant: The owner of the files.
            purpose: Only files with this purpose; None for all.
            after: The last file of the page before.
            limit: The maximum number of files.
            newest_first: True for the newest first.
        """
        found: list[StoredFile] = []
        key = keys.FILES.format(tenant=tenant)
        while entries := await read_listed(
            self._redis, key, after=after, newest_first=newest_first
        ):
            files = [_read(entry.id, entry.fields) for entry in entries if _is_there(entry.fields)]
            found += [file for file in files if purpose in {None, file.purpose}]
            if len(found) >= limit:
                break
            after = entries[-1].id
        return found[:limit]

    async def delete(self, file_id: str) -> bool:
        """Delete a file at once; a worker deletes its object later."""
        answer = await self._scripts.run("delete_file", [keys.record(file_id)], [file_id])
        return bool(answer == "deleted")


def _is_there(fields: Mapping[str, str]) -> bool:
    return bool(fields) and "deleted" not in fields and "closed" not in fields


def _read(file_id: str, fields: Mapping[str, str]) -> StoredFile:
    spec = FileSpec.model_validate_json(fields["spec"])
    return StoredFile(
        id=file_id,
        bytes=spec.bytes,
        created_at=int(fields["created"]) // 1000,
        expires_at=int(fields["expires"]) // 1000,
        filename=spec.filename,
        purpose=spec.purpose,
        tenant=spec.tenant,
        uri=spec.uri,
    )
