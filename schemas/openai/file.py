"""A file of the OpenAI-compatible routes: what the ledger keeps of it, and what its owner sees."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import Literal

from pydantic import Field

from schemas.contract import Contract
from schemas.document import S3Uri
from schemas.ids import FILE_PREFIX
from schemas.job import DEFAULT_TENANT, TenantName
from schemas.openai.list import Listed

_HEX_DIGITS = 24


class FilePurpose(StrEnum):
    """Purpose of a file."""

    BATCH = "batch"
    """Requests of a batch."""
    BATCH_OUTPUT = "batch_output"
    """What became of a batch's requests."""


class FileSpec(Contract):
    """Specification of a file in the ledger; never changed."""

    uri: S3Uri
    filename: str
    bytes: int = Field(ge=0)
    purpose: FilePurpose
    tenant: TenantName = DEFAULT_TENANT


class FileObject(Listed):
    """A file as its owner sees it."""

    object: Literal["file"] = "file"
    bytes: int
    created_at: int = Field(description="Unix seconds.")
    expires_at: int = Field(description="Unix seconds.")
    filename: str
    purpose: FilePurpose
    status: Literal["processed"] = "processed"


def new_file_id() -> str:
    """A file id that nobody has used."""
    return FILE_PREFIX + secrets.token_hex(_HEX_DIGITS // 2)


def derived_file_id(*parts: str) -> str:
    """The file id that belongs to these parts."""
    return FILE_PREFIX + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_HEX_DIGITS]


def file_key(file_id: str) -> str:
    """The key of a file's object in the work bucket."""
    return f"files/{file_id}"
