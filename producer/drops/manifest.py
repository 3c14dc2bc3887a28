"""A manifest: an object that lists documents which belong together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from producer.errors import ManifestError
from schemas.job import Metadata

_MOST_DOCUMENTS = 100_000

_Key = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class _Listed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: _Key
    metadata: Metadata = Field(default_factory=dict)


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    documents: Annotated[list[_Listed], Field(max_length=_MOST_DOCUMENTS)]


_SHAPES = TypeAdapter[_Manifest | list[_Key]](
    _Manifest | Annotated[list[_Key], Field(max_length=_MOST_DOCUMENTS)]
)


def folder_of(key: str) -> str:
    """Return the folder of a key, with its slash; an empty text at the top."""
    folder, slash, _ = key.rpartition("/")
    return folder + slash


def folders_of(key: str) -> tuple[str, ...]:
    """Return the folders that a key is in, the innermost first."""
    steps = key.split("/")[:-1]
    return tuple("".join(f"{step}/" for step in steps[:n]) for n in range(len(steps), -1, -1))


def read_manifest(data: bytes, key: str) -> Mapping[str, Metadata]:
    """Return the keys of the documents that a manifest lists, with the metadata of each.

    Args:
        data: JSON: a list of keys, or `{"documents": [{"key": ..., "metadata": {...}}]}`.
        key: The manifest's own key. A listed key outside its folder is read as relative to it.

    Raises:
        ManifestError: The manifest has another form; the message says where.
    """
    try:
        manifest = _SHAPES.validate_json(data)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(step) for step in problem["loc"][1:]) or "the manifest"
        raise ManifestError(f"{place}: {problem['msg']}") from error
    listed = (
        {entry.key: entry.metadata for entry in manifest.documents}
        if isinstance(manifest, _Manifest)
        else {one: {} for one in manifest}
    )
    folder = folder_of(key)
    whole = {one if one.startswith(folder) else folder + one: said for one, said in listed.items()}
    whole.pop(key, None)
    return whole
