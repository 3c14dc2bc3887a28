"""The registry's adapters in Redis: added once, promoted, retired, listed."""

from __future__ import annotations

import asyncio

import pytest

from ledger.errors import AdapterRetiredError, AdapterTakenError, CursorError
from ledger.ledger import Ledger
from schemas.adapter import AdapterEntry, AdapterFilter, AdapterState, AdapterTerms, BaseModelEntry


async def add(
    ledger: Ledger, name: str, version: str, *, digit: str = "a", task: str = "fnol"
) -> AdapterEntry:
    """Add an adapter without bytes."""
    terms = AdapterTerms(name=name, version=version, task=task, notes="first try")
    return await ledger.adapters.add(
        terms, base="smollm2", sha256=digit * 64, rank=4, target_modules=["q_proj"], size=9
    )


async def state(ledger: Ledger, ref: str) -> AdapterState:
    """The state of an adapter that is there."""
    entry = await ledger.adapters.get(ref)
    assert entry is not None
    return entry.state


async def test_an_adapter_is_added_once(ledger: Ledger) -> None:
    """The same one again is the same entry; other bytes or another task are refused."""
    first = await add(ledger, "claims", "1")
    assert (first.ref, first.state, first.notes) == ("claims@1", "added", "first try")
    assert await add(ledger, "claims", "1") == first == await ledger.adapters.get("claims@1")
    with pytest.raises(AdapterTakenError, match=r"claims@1 .* aaaaaaaaaaaa.* another version"):
        await add(ledger, "claims", "1", digit="b")
    with pytest.raises(AdapterTakenError):
        await add(ledger, "claims", "1", task="summary")
    assert await ledger.adapters.get("claims@1") == first
    assert await ledger.adapters.get("claims@2") is None


async def test_of_two_at_once_one_wins_and_the_other_is_told(ledger: Ledger) -> None:
    """There is never a mixture of both."""
    adds = (add(ledger, "claims", "1", digit=digit) for digit in "abcdef")
    outcomes = await asyncio.gather(*adds, return_exceptions=True)
    added = [one for one in outcomes if isinstance(one, AdapterEntry)]
    assert len(added) == 1
    assert all(isinstance(one, AdapterTakenError | AdapterEntry) for one in outcomes)
    assert await ledger.adapters.get("claims@1") == added[0]


async def test_a_task_has_one_default_and_goes_back_to_an_earlier_one(ledger: Ledger) -> None:
    """Promoting takes the place of the former; defaults of other tasks stay."""
    for version in "12":
        await add(ledger, "claims", version, digit=version)
    await add(ledger, "bills", "1", task="medical-bill")
    assert await ledger.adapters.stable(["fnol"]) == {}
    await ledger.adapters.promote("bills@1")
    for now, before in (("claims@1", "claims@2"), ("claims@2", "claims@1")) * 2:
        for _ in range(2):  # again changes nothing
            promoted = await ledger.adapters.promote(now)
        assert promoted is not None
        assert await ledger.adapters.stable(["fnol", "summary"]) == {"fnol": promoted}
        assert (await state(ledger, now), await state(ledger, before)) == ("stable", "added")
    assert set(await ledger.adapters.stable(["medical-bill"])) == {"medical-bill"}
    assert await ledger.adapters.promote("claims@9") is None


async def test_a_retired_adapter_is_no_default_and_never_one_again(ledger: Ledger) -> None:
    """The entry stays, for the jobs that name it."""
    await add(ledger, "claims", "1")
    await ledger.adapters.promote("claims@1")
    for _ in range(2):
        retired = await ledger.adapters.retire("claims@1")
        assert retired is not None
        assert retired.state is AdapterState.RETIRED
    assert await ledger.adapters.stable(["fnol"]) == {}
    with pytest.raises(AdapterRetiredError, match="claims@1 is retired"):
        await ledger.adapters.promote("claims@1")
    assert (await add(ledger, "claims", "1")).state is AdapterState.RETIRED
    assert await ledger.adapters.retire("claims@9") is None


async def test_pages_hold_each_adapter_once_the_newest_first(ledger: Ledger) -> None:
    """Also those of one millisecond, and those that a filter picks."""
    await asyncio.gather(*(add(ledger, "claims", f"{n}", digit=f"{n % 10}") for n in range(25)))
    await add(ledger, "bills", "1", task="medical-bill")
    await ledger.adapters.promote("claims@7")
    found: list[str] = []
    after: str | None = None
    while True:
        page = await ledger.adapters.page(AdapterFilter(task="fnol"), after=after, limit=4)
        found += [one.ref for one in page.items]
        if (after := page.next) is None:
            break
    assert sorted(found) == sorted(f"claims@{n}" for n in range(25))
    every = await ledger.adapters.page(AdapterFilter())
    assert every.items[0].ref == "bills@1"
    assert len(every.items) == 26
    stable = await ledger.adapters.page(AdapterFilter(state=AdapterState.STABLE))
    assert [one.ref for one in stable.items] == ["claims@7"]
    with pytest.raises(CursorError):
        await ledger.adapters.page(AdapterFilter(), after="nonsense")


async def test_the_base_model_of_a_pool_is_the_last_that_was_told_of(ledger: Ledger) -> None:
    """With its layers, or without where nobody knows them."""
    bare = BaseModelEntry(model="smollm2", max_rank=16)
    whole = bare.model_copy(update={"layers": {"layers.0.q": (4, 8), "layers.0.k": None}})
    await ledger.base_models.put("cpu", bare)
    await ledger.base_models.put("gpu", bare)
    await ledger.base_models.put("cpu", whole)
    assert await ledger.base_models.by_pool() == {"cpu": whole, "gpu": bare}
