"""Writing one S3 object part by part, with one part in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from schemas.document import S3Uri, bucket_and_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 5 * 2**20
"""S3 takes 10,000 parts of at least 5 MiB each."""

Run = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Makes a call of boto3 in a thread, and its errors ours."""


class S3Upload:
    """An Upload; see storage/objects.py.

    Args:
        client: boto3's.
        uri: What is written.
        media_type: Of the object.
        run: Makes the calls.
    """

    def __init__(self, client: S3Client, uri: S3Uri, media_type: str, run: Run) -> None:
        self._client = client
        self._bucket, self._key = bucket_and_key(uri)
        self._media_type = media_type
        self._run = run
        self._part = bytearray()
        self._parts: list[CompletedPartTypeDef] = []
        self._upload_id: str | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    async def write(self, data: bytes) -> None:
        """Add bytes."""
        self._size += len(data)
        self._part += data
        while len(self._part) >= PART_BYTES:
            part = bytes(self._part[:PART_BYTES])
            del self._part[:PART_BYTES]
            await self._send(part)

    async def _send(self, part: bytes) -> None:
        if self._upload_id is None:
            begun = await self._run(
                lambda: self._client.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ContentType=self._media_type
                )
            )
            self._upload_id = upload_id = str(begun["UploadId"])
        upload_id, number = self._upload_id, len(self._parts) + 1
        sent = await self._run(
            lambda: self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=upload_id,
                PartNumber=number,
                Body=part,
            )
        )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    async def complete(self) -> None:
        """Make the object; a small one takes a single call."""
        if self._upload_id is None:
            await self._run(
                lambda: self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=bytes(self._part),
                    ContentType=self._media_type,
                )
            )
            return
        if self._part:
            await self._send(bytes(self._part))
        upload_id, parts = self._upload_id, self._parts
        await self._run(
            lambda: self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )
        )
        self._upload_id = None

    async def abort(self) -> None:
        """Forget what was written."""
        self._part.clear()
        upload_id, self._upload_id = self._upload_id, None
        if upload_id is not None:
            await self._run(
                lambda: self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=self._key, UploadId=upload_id
                )
            )
