"""Places that tenants share."""

from __future__ import annotations

import asyncio

import pytest

from producer.errors import OverloadedError, TooManyAtOnceError
from producer.http.limits.places import Places, Share


async def test_two_tenants_that_hold_all_they_can_leave_places_to_the_others() -> None:
    """Of sixteen places, the second half goes to tenants that hold none."""
    places = Places("uploads", 16, Share(most=8))
    for greedy, most in (("acme", 8), ("globex", 1)):
        for _ in range(most):
            await places.take(greedy)
        with pytest.raises(TooManyAtOnceError, match="uploads"):
            await places.take(greedy)
    assert places.taken == 9
    for other in range(7):
        await places.take(f"tenant-{other}")
    with pytest.raises(OverloadedError, match="16"):
        await places.take("one more")


async def test_a_place_goes_to_a_waiter_that_may_have_it() -> None:
    """A tenant that is over its share does not hold up who came after it."""
    places = Places("uploads", 2, Share(most=1, waiting=2), patience_seconds=5)
    mine = [await places.take("acme"), await places.take("globex")]
    waiting = {
        name: asyncio.create_task(places.take(name), name=name) for name in ("globex", "initech")
    }
    await asyncio.sleep(0)
    mine[0].release()
    assert await waiting["initech"]
    assert not waiting["globex"].done()
    mine[1].release()
    assert await waiting["globex"]


async def test_one_tenant_has_so_many_waiters_and_no_more() -> None:
    """Those that wait hold a connection; what is over the share is refused at once."""
    places = Places("uploads", 2, Share(most=1, waiting=1), patience_seconds=5)
    held = await places.take("acme")
    waiting = asyncio.create_task(places.take("acme"))
    await asyncio.sleep(0)
    with pytest.raises(TooManyAtOnceError):
        await places.take("acme")
    held.release()
    (await waiting).release()
    assert places.taken == 0


async def test_a_waiter_that_gives_up_holds_nothing() -> None:
    """When its time is up, when it is cancelled, and when it is cancelled as it gets its place."""
    places = Places("uploads", 2, Share(most=1, waiting=3), patience_seconds=0.01)
    held = await places.take("acme")
    with pytest.raises(TooManyAtOnceError):
        await places.take("acme")
    cancelled = asyncio.create_task(places.take("acme"))
    late = asyncio.create_task(places.take("acme"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    held.release()
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    assert places.taken == 0
    (await places.take("acme")).release()


async def test_a_place_is_given_back_once() -> None:
    """However often it is released."""
    places = Places("uploads", 4, Share(most=2))
    with await places.take("acme") as place, await places.take("globex"):
        place.release()
        place.release()
        assert places.taken == 1
    assert places.taken == 0
