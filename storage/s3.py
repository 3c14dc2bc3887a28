"""The S3 backend: boto3 in a pool of threads.

Endpoint and credentials are boto3's own business: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, profiles, instance roles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from schemas.document import S3Uri, bucket_and_key
from storage.errors import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectForbiddenError,
    ObjectMissingError,
    ObjectTooLargeError,
    StorageError,
    StorageUnavailableError,
)
from storage.objects import ObjectInfo, StoredObject
from storage.s3_upload import S3Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_T = TypeVar("_T")
_MISSING = {"NoSuchKey", "NoSuchBucket", "404", "NotFound"}
_FORBIDDEN = {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_EXISTS = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_SERVER_ERROR = 500
_PART_BYTES = 5 * 2**20
"""The least that S3 takes for a part which is not the last."""


class S3Store:
    """An ObjectStore on anything that speaks S3 and honours `If-None-Match: *`."""

    def __init__(self, *, threads: int = 32, endpoint_url: str | None = None) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=threads,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"} if endpoint_url else {},
        )
        # The default session would keep the credentials that it found first in this process.
        session = boto3.Session()
        self._client: S3Client = session.client("s3", endpoint_url=endpoint_url, config=config)

    async def get(self, uri: S3Uri, *, max_bytes: int) -> bytes:
        """See ObjectStore."""
        return (await self.read(uri, max_bytes=max_bytes)).data

    async def read(self, uri: S3Uri, *, max_bytes: int) -> StoredObject:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)

        def read() -> StoredObject:
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with answer["Body"] as body:
                if answer["ContentLength"] > max_bytes:
                    raise ObjectTooLargeError(
                        f"{uri} has {answer['ContentLength']:,} bytes; the limit is {max_bytes:,}"
                    )
                return StoredObject(body.read(), answer["ETag"])

        return await self._run(uri, read)

    async def get_range(self, uri: S3Uri, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)

        def read() -> bytes:
            part = f"bytes={offset}-{offset + length - 1}"
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=part)
            except ClientError as error:
                if _status(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b""
                raise
            with answer["Body"] as body:
                return body.read()

        return await self._run(uri, read)

    def open_upload(self, uri: S3Uri, *, media_type: str) -> S3Upload:
        """See ObjectStore."""
        return S3Upload(self._client, uri, media_type, partial(self._run, uri))

    async def delete(self, uri: S3Uri) -> None:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        await self._run(uri, lambda: self._client.delete_object(Bucket=bucket, Key=key))

    async def put(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """See ObjectStore."""
        await self._put(uri, data, media_type)

    async def create(self, uri: S3Uri, data: bytes, *, media_type: str) -> None:
        """See ObjectStore."""
        await self._put(uri, data, media_type, IfNoneMatch="*")

    async def replace(self, uri: S3Uri, data: bytes, *, etag: str, media_type: str) -> None:
        """See ObjectStore."""
        try:
            await self._put(uri, data, media_type, IfMatch=etag)
        except (ObjectExistsError, ObjectMissingError) as error:
            raise ObjectChangedError(str(error)) from error

    async def _put(self, uri: S3Uri, data: bytes, media_type: str, **condition: Any) -> None:
        bucket, key = bucket_and_key(uri)
        await self._run(
            uri,
            lambda: self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                **condition,
            ),
        )

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

    async def _abandon(self, uri: S3Uri, upload_id: str) -> None:
        bucket, key = bucket_and_key(uri)
        with suppress(StorageError):  # what cannot be given up now is found by abandon_uploads
            await self._run(
                uri,
                lambda: self._client.abort_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload_id
                ),
            )

    async def abandon_uploads(self, bucket: str, *, prefix: str, before: datetime) -> int:
        """See ObjectStore."""
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, Prefix=prefix
        )
        found = await self._run(
            f"s3://{bucket}/{prefix}",
            lambda: [one for page in pages for one in page.get("Uploads", ())],
        )
        late = [one for one in found if one["Initiated"] < before]
        for one in late:
            await self._abandon(f"s3://{bucket}/{one['Key']}", one["UploadId"])
        left = [info async for info in self.list(bucket, prefix=prefix)]
        left = [info for info in left if info.modified_at < before]
        for info in left:
            await self.delete(info.uri)
        return len(late) + len(left)

    async def move(self, source: S3Uri, target: S3Uri) -> None:
        """See ObjectStore."""
        bucket, key = bucket_and_key(source)
        target_bucket, target_key = bucket_and_key(target)

        await self._run(
            source,
            lambda: self._client.copy_object(
                Bucket=target_bucket, Key=target_key, CopySource={"Bucket": bucket, "Key": key}
            ),
        )
        await self.delete(source)

    async def list(
        self, bucket: str, *, prefix: str = "", after: str = ""
    ) -> AsyncIterator[ObjectInfo]:
        """See ObjectStore."""
        start: Any = {"StartAfter": after} if after else {}
        paginator = self._client.get_paginator("list_objects_v2")
        pages_left = iter(paginator.paginate(Bucket=bucket, Prefix=prefix, **start))
        while page := await self._run(f"s3://{bucket}/{prefix}", lambda: next(pages_left, None)):
            for entry in page.get("Contents", ()):
                yield _info(bucket, entry)

    async def find(self, uri: S3Uri) -> ObjectInfo:
        """See ObjectStore.

        A listing of one, and no HEAD: stores are known whose HEAD says another LastModified, and
        then the same version would be two drops. A key comes before all that it begins.
        """
        bucket, key = bucket_and_key(uri)
        answer = await self._run(
            uri, lambda: self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        )
        for entry in answer.get("Contents", ()):
            if entry["Key"] == key:
                return _info(bucket, entry)
        raise ObjectMissingError(f"{uri}: no object lies there")

    async def tags(self, uri: S3Uri) -> Mapping[str, str]:
        """See ObjectStore."""
        bucket, key = bucket_and_key(uri)
        answer = await self._run(
            uri, lambda: self._client.get_object_tagging(Bucket=bucket, Key=key)
        )
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    async def _run(self, uri: str, call: Callable[[], _T]) -> _T:
        def guarded() -> _T:
            with _explained(uri):
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._threads, guarded)

    def close(self) -> None:
        """Let the threads and connections go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()


def _info(bucket: str, entry: ObjectTypeDef) -> ObjectInfo:
    return ObjectInfo(
        uri=f"s3://{bucket}/{entry['Key']}",
        size=entry["Size"],
        etag=entry["ETag"].strip('"'),
        modified_at=entry["LastModified"],
    )


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn boto3's errors into ours."""
    try:
        yield
    except ClientError as error:
        raise _translate(uri, error.response) from error
    except BotoCoreError as error:
        raise StorageUnavailableError(f"{uri}: {error}") from error


def _translate(uri: str, response: Any) -> StorageError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = _status_of(response)
    message = f"{uri}: {code} {response.get('Error', {}).get('Message', '')}".strip()
    if code in _MISSING:
        return ObjectMissingError(message)
    if code in _FORBIDDEN:
        return ObjectForbiddenError(message)
    if code in _EXISTS:
        return ObjectExistsError(message)
    if status >= _SERVER_ERROR or code in {"SlowDown", "RequestTimeout", "Throttling"}:
        return StorageUnavailableError(message)
    return StorageError(message)


def _status(error: ClientError) -> int:
    return _status_of(error.response)


def _status_of(response: Any) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR))
