"""Writing of one S3 object part by part, with one part in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schemas.document import S3Uri, bucket_and_key
from storage.errors import BadAnswerError, ObjectMissingError
from storage.objects import ObjectVersion
from storage.s3_answers import check_no_page, check_written, etag_of, version_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 5 * 2**20
"""Bytes of a part: S3 accepts 10,000 parts of at least 5 MiB each."""

Run = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Function that calls boto3 in a thread and translates its errors; see S3Calls.run."""


class S3Upload:
    """An Upload; see storage/objects.py.

    Args:
        client: The boto3 client.
        uri: URI of the object.
        media_type: Media type of the object.
        run: Makes the calls.
    """

    def __init__(self, client: S3Client, uri: S3Uri, media_type: str, run: Run) -> None:
        self._client = client
        self._uri = uri
        self._bucket, self._key = bucket_and_key(uri)
        self._media_type = media_type
        self._run = run
        self._part = bytearray()
        self._parts: list[CompletedPartTypeDef] = []
        self._upload_id: str | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """Return the bytes so far."""
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
            self._upload_id = await self._run(self._begin)
        upload_id, number = self._upload_id, len(self._parts) + 1

        def send() -> str:
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=upload_id,
                PartNumber=number,
                Body=part,
            )
            return answer["ETag"]

        self._parts.append({"PartNumber": number, "ETag": await self._run(send)})

    def _begin(self) -> str:
        answer = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=self._key, ContentType=self._media_type
        )
        return str(answer["UploadId"])

    async def complete(self) -> None:
        """Create the object; a small one needs a single call."""
        if self._upload_id is None:
            await self._run(self._put)
            return
        if self._part:
            await self._send(bytes(self._part))
        try:
            await self._run(self._join)
        except ObjectMissingError as error:
            # An upload ends once: if the answer to that was lost, the object exists.
            if not await self._is_there():
                raise BadAnswerError(f"{self._uri}: the store has lost the upload") from error
        self._upload_id = None

    def _put(self) -> None:
        answer = self._client.put_object(
            Bucket=self._bucket,
            Key=self._key,
            Body=bytes(self._part),
            ContentType=self._media_type,
        )
        check_written(self._client, self._bucket, self._key, etag=etag_of(answer))

    def _join(self) -> None:
        answer = self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=str(self._upload_id),
            MultipartUpload={"Parts": self._parts},
        )
        check_written(self._client, self._bucket, self._key, etag=etag_of(answer))

    async def _is_there(self) -> bool:
        def head() -> ObjectVersion:
            return version_of(self._client.head_object(Bucket=self._bucket, Key=self._key))

        with suppress(ObjectMissingError):
            return bool((await self._run(head)).size == self._size)
        return False

    async def abort(self) -> None:
        """Forget the written bytes."""
        self._part.clear()
        upload_id, self._upload_id = self._upload_id, None
        if upload_id is not None:
            await abort_upload(self._client, self._uri, upload_id, self._run)


async def abort_upload(client: S3Client, uri: S3Uri, upload_id: str, run: Run) -> None:
    """Make the store forget an unfinished upload.

    Args:
        client: The boto3 client.
        uri: URI of the object.
        upload_id: Id of the upload; one that has ended is left alone.
        run: Makes the call.
    """
    bucket, key = bucket_and_key(uri)
    with suppress(ObjectMissingError):
        await run(
            lambda: check_no_page(
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
            )
        )
