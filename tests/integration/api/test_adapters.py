"""The registry of adapters over HTTP and from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ledger.ledger import Ledger
from producer.client import connect
from producer.errors import AdapterRefusedError
from schemas.adapter import AdapterFilter, AdapterTerms, adapter_uri
from settings.fleet import FleetSettings
from storage.s3 import S3Store
from tests.fixtures.command import Command
from tests.fixtures.http_api import problem_of
from tests.fixtures.small_adapters import MODULE, tell_of_base, write_small_adapter

FILES = {"config": "adapter_config.json", "weights": "adapter_model.safetensors"}
TERMS = {"name": "claims", "version": "1", "task": "fnol"}


@pytest.fixture(autouse=True)
async def _base(ledger: Ledger, settings: FleetSettings) -> None:
    await tell_of_base(ledger, settings)


def form(folder: Path, **terms: Any) -> aiohttp.FormData:
    """A form with an adapter."""
    data = aiohttp.FormData()
    data.add_field("request", json.dumps({**TERMS, **terms}), content_type="application/json")
    for field, name in FILES.items():
        data.add_field(field, (folder / name).read_bytes(), filename=name)
    return data


async def test_an_adapter_is_added_listed_promoted_and_retired(
    api: aiohttp.ClientSession, settings: FleetSettings, tmp_path: Path
) -> None:
    """Its bytes lie under its digest; each step is in the audit log."""
    folder = write_small_adapter(tmp_path / "a")
    for _ in range(2):
        async with api.post("/v1/adapters", data=form(folder, notes="July")) as answer:
            assert answer.status == 201, await answer.text()
            assert answer.headers["Location"] == "/v1/adapters/claims@1"
            added = await answer.json()
    kept = {key: added[key] for key in (*TERMS, "base", "state", "rank", "notes")}
    assert kept == {**TERMS, "base": "smollm2", "state": "added", "rank": 4, "notes": "July"}
    store = S3Store()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        uri = adapter_uri(settings.work_bucket, added["sha256"], name)
        assert await store.get(uri, max_bytes=2**20) == (folder / name).read_bytes()
    store.close()
    for step, state in (("promote", "stable"), ("retire", "retired")):
        async with api.post(f"/v1/adapters/claims@1/{step}") as answer:
            assert (await answer.json())["state"] == state
        async with api.get("/v1/adapters/claims@1") as answer:
            assert (await answer.json())["state"] == state
        async with api.get("/v1/adapters", params={"state": state}) as answer:
            assert [one["sha256"] for one in (await answer.json())["data"]] == [added["sha256"]]
    async with api.post("/v1/adapters/claims@1/promote") as answer:
        await problem_of(answer, 409, "adapter-conflict")
    async with api.get("/v1/audit") as answer:
        actions = [one["action"] for one in (await answer.json())["data"]]
    assert {"adapter.added", "adapter.promoted", "adapter.retired"} <= set(actions)


async def test_other_bytes_under_a_name_and_version_are_refused(
    api: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Of many at once, one is added; whoever sends others is told."""
    folders = [write_small_adapter(tmp_path / f"{n}", n) for n in range(4)]

    async def send(folder: Path) -> int:
        async with api.post("/v1/adapters", data=form(folder)) as answer:
            return answer.status

    statuses = await asyncio.gather(*map(send, folders))
    assert sorted(statuses) == [201, 409, 409, 409]
    async with api.post("/v1/adapters", data=form(folders[statuses.index(409)])) as answer:
        told = await problem_of(answer, 409, "adapter-conflict")
    assert "another version" in told["detail"]


def _truncate(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])


def _put_nan(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"\xc0\x7f")


def _pickle(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def _lose_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def _break_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{")


BAD = [
    ("truncated", _truncate, {}, "bytes and its header speaks of"),
    ("nan", _put_nan, {}, "NaN"),
    ("pickle", _pickle, {}, "pickle"),
    ("no-config", _lose_config, {}, "no adapter_config"),
    ("broken-config", _break_config, {}, "adapter_config.json cannot be read"),
    ("rank", None, {"rank": 9}, "its rank is 9, and the pool takes 8"),
    ("shape", None, {"inputs": 9}, "9 to 16, and the base model's is 8 to 16"),
    ("layer", None, {"module": MODULE.replace("q_proj", "k_proj")}, "no layer"),
    ("base", None, {"base_model_name_or_path": "meta-llama/Llama-3-8B"}, "meta-llama/Llama-3-8B"),
]


@pytest.mark.parametrize(("name", "spoil", "made", "words"), BAD, ids=[one[0] for one in BAD])
async def test_a_bad_adapter_is_refused_and_nothing_of_it_stays(
    settings: FleetSettings, tmp_path: Path, name: str, spoil: Any, made: Any, words: str
) -> None:
    """The message names the directory, as its owner wrote it, and what is wrong with it."""
    folder = write_small_adapter(tmp_path / name, **made)
    if spoil is not None:
        spoil(folder)
    async with connect(settings) as client:
        with pytest.raises(AdapterRefusedError) as caught:
            await client.adapters.add(folder, AdapterTerms.model_validate(TERMS))
        assert words in str(caught.value)
        assert str(folder) in str(caught.value)
        assert (await client.adapters.page(AdapterFilter())).items == ()
        stored = [one async for one in client.store.list(settings.work_bucket, prefix="adapters/")]
    assert stored == []


async def test_a_bad_adapter_is_a_problem_over_http(
    api: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Its name is the one that its sender gave it."""
    folder = write_small_adapter(tmp_path / "a")
    _put_nan(folder)
    async with api.post("/v1/adapters", data=form(folder)) as answer:
        told = await problem_of(answer, 422, "invalid-adapter")
    assert "claims@1" in told["detail"]
    assert "/tmp" not in told["detail"]  # noqa: S108  # what must not be told


@pytest.mark.parametrize(
    "declared",
    [None, "/home/trainer/out/model", "HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2", "./model"],
)
async def test_the_base_is_found_by_its_names_or_by_the_layers(
    settings: FleetSettings, tmp_path: Path, declared: str | None
) -> None:
    """A folder of the machine that trained it says nothing here."""
    folder = write_small_adapter(tmp_path / "a", base_model_name_or_path=declared)
    async with connect(settings) as client:
        added = await client.adapters.add(folder, AdapterTerms.model_validate(TERMS))
    assert added.base == "smollm2"


async def test_before_any_worker_there_is_nothing_to_compare_with(
    settings: FleetSettings, tmp_path: Path, redis: Any
) -> None:
    """The message says what to start."""
    await redis.flushdb()
    folder = write_small_adapter(tmp_path / "a")
    async with connect(settings) as client:
        with pytest.raises(AdapterRefusedError, match=r"No infer worker .* start one"):
            await client.adapters.add(folder, AdapterTerms.model_validate(TERMS))


async def test_only_a_key_of_the_whole_fleet_changes_the_registry(
    api: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """All tenants share it, and all may read it."""
    body = {"label": "acme", "tenant": "acme", "scopes": ["admin", "read"]}
    async with api.post("/v1/keys", json=body) as answer:
        key = {"Authorization": f"Bearer {(await answer.json())['key']}"}
    data = form(write_small_adapter(tmp_path / "a"))
    async with api.post("/v1/adapters", data=data, headers=key) as answer:
        await problem_of(answer, 403, "forbidden")
    for step in ("promote", "retire"):
        async with api.post(f"/v1/adapters/claims@1/{step}", headers=key) as answer:
            await problem_of(answer, 403, "forbidden")
    async with api.get("/v1/adapters", headers=key) as answer:
        assert answer.status == 200
    async with api.get("/v1/adapters/claims@1", headers=key) as answer:
        await problem_of(answer, 404, "unknown-adapter")


async def test_a_form_without_weights_is_no_adapter(api: aiohttp.ClientSession) -> None:
    """Nor is one with a field that no adapter has, or JSON."""
    data = aiohttp.FormData()
    data.add_field("request", json.dumps(TERMS), content_type="application/json")
    data.add_field("config", b"{}", filename="adapter_config.json")
    async with api.post("/v1/adapters", data=data) as answer:
        told = await problem_of(answer, 422, "invalid-request")
    assert "`weights`" in told["detail"]
    async with api.post("/v1/adapters", json=TERMS) as answer:
        assert answer.status == 415


async def test_the_command_adds_lists_shows_promotes_and_retires(
    docfleet: Command, tmp_path: Path
) -> None:
    """Names that other software relies on."""
    folder = str(write_small_adapter(tmp_path / "a"))
    words = ("adapters", "add", folder, "--name", "claims", "--version", "1", "--task", "fnol")
    for _ in range(2):
        done = await docfleet(*words, "--notes", "July")
        assert done.code == 0, done.err
    write_small_adapter(tmp_path / "a", 2)
    done = await docfleet(*words)
    assert (done.code, "another version" in done.err) == (1, True)
    done = await docfleet("adapters", "promote", "claims@1")
    assert (done.code, "claims@1 is stable" in done.out) == (0, True)
    (listed,) = json.loads((await docfleet("adapters", "list", "--json")).out)
    assert {"name", "version", "sha256", "task", "base", "state"} <= listed.keys()
    assert listed == json.loads((await docfleet("adapters", "show", "claims@1")).out)
    assert (await docfleet("adapters", "retire", "claims@1")).code == 0
    assert (await docfleet("adapters", "show", "claims@2")).code == 1
    done = await docfleet(*words[:-1], "no-such-task")
    assert (done.code, "no-such-task" in done.err) == (2, True)
