"""The S3 backend: boto3 in a pool of threads.

boto3 finds the endpoint and the credentials: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, profiles, instance roles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from schemas.document import S3Uri, bucket_and_key
from storage.errors import (
    BadAnswerError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectTooLargeError,
    StorageError,
)
from storage.objects import ObjectInfo, ObjectVersion, StoredObject
from storage.s3_answers import (
    check_listing,
    check_no_page,
    check_range,
    check_written,
    etag_of,
    info_of,
    version_of,
)
from storage.s3_calls import S3Calls, status_of
from storage.s3_upload import S3Upload, abort_upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_PAGE_KEYS = 1000


class S3Store:
    """An ObjectStore on any S3 server that supports `If-None-Match: *`."""

    def __init__(self, *, threads: int = 32, endpoint_url: str | None = None) -> None:
        self._calls = S3Calls(threads)
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=threads,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"} if endpoint_url else {},
        )
        # The default session would keep the first credentials of this process.
        session = boto3.Session()
        self._client: S3Client = session.client("s3", endpoint_url=endpoint_url, config=config)

    async def get(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> bytes:
        """See ObjectStore."""
        return (await self.read(uri, max_bytes=max_bytes, version=version)).data

    async def read(
        self, uri: S3Uri, *, max_bytes: int, version: ObjectVersion | None = None
    ) -> StoredObject:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        condition = _only(version)

        def read() -> StoredObject:
            answer = self._client.get_object(Bucket=bucket, Key=key, **condition)
            with closing(answer["Body"]) as body:
                found = version_of(answer)
                if version is not None:
                    _check_version(uri, found, version)
                if found.size is not None and found.size > max_bytes:
                    raise ObjectTooLargeError(
                        f"{uri} has {found.size:,} bytes; the limit is {max_bytes:,}"
                    )
                return StoredObject(body.read(), found.etag)

        try:
            return await self._calls.run(uri, read)
        except ObjectExistsError as error:  # the condition was not met
            raise ObjectChangedError(f"{uri}: another version lies there") from error

    async def head(self, uri: S3Uri, version_id: str | None = None) -> ObjectVersion:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        which: Any = {} if version_id is None else {"VersionId": version_id}
        return await self._calls.run(
            uri, lambda: version_of(self._client.head_object(Bucket=bucket, Key=key, **which))
        )

    async def get_range(self, uri: S3Uri, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)

        def read() -> bytes:
            part = f"bytes={offset}-{offset + length - 1}"
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=part)
            except ClientError as error:
                if status_of(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b""
                raise
            with closing(answer["Body"]) as body:
                data = body.read()
            check_range(answer, offset, data)
            return data

        return await self._calls.run(uri, read)

    def open_upload(self, uri: S3Uri, *, media_type: str) -> S3Upload:
        """See ObjectStore."""
        return S3Upload(self._client, uri, media_type, partial(self._calls.run, uri))

    async def delete(self, uri: S3Uri) -> None:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        await self._calls.run(
            uri, lambda: check_no_page(self._client.delete_object(Bucket=bucket, Key=key))
        )

    async def put(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """See ObjectStore."""
        await self._put(uri, data, media_type)

    async def create(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """See ObjectStore."""
        await self._put(uri, data, media_type, IfNoneMatch="*")

    async def replace(self, uri: S3Uri, data: bytes, *, etag: str, media_type: str) -> None:
        """See ObjectStore."""
        try:
            await self._put(uri, data, media_type, replaced=etag, IfMatch=f'"{etag}"')
        except (ObjectExistsError, ObjectMissingError) as error:
            raise ObjectChangedError(str(error)) from error

    async def _put(
        self,
        uri: S3Uri,
        data: bytes,
        media_type: str,
        *,
        replaced: str | None = None,
        **condition: Any,
    ) -> None:
        bucket, key = bucket_and_key(uri)

        def put() -> None:
            answer = self._client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=media_type, **condition
            )
            check_written(self._client, bucket, key, etag=etag_of(answer), replaced=replaced)

        await self._calls.run(uri, put)

    async def upload(self, uri: S3Uri, chunks: AsyncIterable[bytes], *, media_type: str) -> None:
        """See ObjectStore."""
        upload = self.open_upload(uri, media_type=media_type)
        try:
            async for chunk in chunks:
                await upload.write(chunk)
            await upload.complete()
        except BaseException:  # the sender may be gone, and then this task is cancelled
            await asyncio.shield(upload.abort())
            raise

    async def abandon_uploads(self, bucket: str, *, prefix: str, before: datetime) -> int:
        """See ObjectStore."""

        def begun() -> list[tuple[str, str]]:
            paginator = self._client.get_paginator("list_multipart_uploads")
            pages = paginator.paginate(Bucket=bucket, Prefix=prefix)
            return [
                (f"s3://{bucket}/{one['Key']}", one["UploadId"])
                for page in pages
                for one in page.get("Uploads", ())
                if one["Initiated"] < before
            ]

        late = await self._calls.run(f"s3://{bucket}/{prefix}", begun)
        for uri, upload_id in late:
            with suppress(
                StorageError
            ):  # the next run finds the uploads that cannot be removed now
                await abort_upload(self._client, uri, upload_id, partial(self._calls.run, uri))
        left = [info async for info in self.list(bucket, prefix=prefix)]
        left = [info for info in left if info.modified_at < before]
        for info in left:
            await self.delete(info.uri)
        return len(late) + len(left)

    async def move(self, source: S3Uri, target: S3Uri) -> None:
        """See ObjectStore."""
        bucket, key = bucket_and_key(source)
        target_bucket, target_key = bucket_and_key(target)

        def copy() -> None:
            answer = self._client.copy_object(
                Bucket=target_bucket, Key=target_key, CopySource={"Bucket": bucket, "Key": key}
            )
            etag = etag_of(answer["CopyObjectResult"])
            check_written(self._client, target_bucket, target_key, etag=etag)

        await self._calls.run(source, copy)
        await self.delete(source)

    async def list(
        self, bucket: str, *, prefix: str = "", after: str = ""
    ) -> AsyncIterator[ObjectInfo]:
        """See ObjectStore."""
        place: dict[str, str] = {"StartAfter": after} if after else {}
        while True:
            entries, token = await self._calls.run(
                f"s3://{bucket}/{prefix}", partial(self._page, bucket, prefix, place)
            )
            for entry in entries:
                yield entry
            if token is None:
                return
            place = {"ContinuationToken": token}

    def _page(
        self, bucket: str, prefix: str, place: Mapping[str, Any]
    ) -> tuple[Sequence[ObjectInfo], str | None]:
        """Return a page of a listing, and the token of the next one."""
        answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **place)
        entries = [info_of(bucket, entry) for entry in answer.get("Contents", ())]
        return entries, answer["NextContinuationToken"] if answer["IsTruncated"] else None

    async def find(self, uri: S3Uri, version_id: str | None = None) -> ObjectInfo:
        """See ObjectStore.

        This is a listing and no HEAD: with some stores HEAD gives another LastModified, and the
        same version would become two drops.
        """
        bucket, key = bucket_and_key(uri)
        if version_id is None:
            find = partial(self._find_present, bucket, key)
        else:
            find = partial(self._find_version, bucket, key, version_id)
        found = await self._calls.run(uri, find)
        if found is None:
            raise ObjectMissingError(f"{uri}: no object lies there")
        return found

    def _find_present(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return the entry of a key, which sorts before every longer key with that prefix.

        SeaweedFS lists some longer keys first in a bucket with versions; hence the second look.
        """
        for most in (1, _PAGE_KEYS):
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=most)
            check_listing(answer)
            entries = answer.get("Contents", ())
            for entry in entries:
                if entry["Key"] == key:
                    return info_of(bucket, entry)
            if not entries:
                break
        return None

    def _find_version(self, bucket: str, key: str, version_id: str) -> ObjectInfo | None:
        paginator = self._client.get_paginator("list_object_versions")
        for page in paginator.paginate(Bucket=bucket, Prefix=key):
            check_listing(page)
            entries = [entry for entry in page.get("Versions", ()) if entry["Key"] == key]
            for entry in entries:
                if entry["VersionId"] == version_id:
                    return info_of(bucket, entry)
            if not entries:
                break
        return None

    async def tags(self, uri: S3Uri, version_id: str | None = None) -> Mapping[str, str]:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        which: Any = {} if version_id is None else {"VersionId": version_id}

        def tags() -> dict[str, str]:
            answer = self._client.get_object_tagging(Bucket=bucket, Key=key, **which)
            return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

        return await self._calls.run(uri, tags)

    def close(self) -> None:
        """Close the threads and the connections."""
        self._calls.close()
        self._client.close()


def _only(version: ObjectVersion | None) -> dict[str, Any]:
    """Return the conditions under which a GET reads only this version."""
    if version is None:
        return {}
    condition = {"IfMatch": f'"{version.etag}"'}
    if version.version_id is not None:
        condition["VersionId"] = version.version_id
    return condition


def _check_version(uri: S3Uri, found: ObjectVersion, wanted: ObjectVersion) -> None:
    if found.etag != wanted.etag:  # a store that ignores the condition
        raise ObjectChangedError(f"{uri}: another version lies there")
    if wanted.size is not None and found.size != wanted.size:
        raise BadAnswerError(f"{uri} came with {found.size} of its {wanted.size} bytes")
