"""Places that tenants share: a tenant that takes many leaves some to the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

from producer.errors import OverloadedError, TooManyAtOnceError


class Share(NamedTuple):
    """Maximum places of one tenant.

    Attributes:
        most: While at least half of all places are free.
        least: While any place is free.
        waiting: Requests of one tenant that may wait for a place; others are refused at once.
    """

    most: int
    least: int = 1
    waiting: int = 0


class Place:
    """A place that is held until `release`, or until the end of a `with` block."""

    def __init__(self, places: Places, holder: str) -> None:
        self._places = places
        self._holder = holder
        self._held = True

    def release(self) -> None:
        """Give the place back; the second call does nothing."""
        if self._held:
            self._held = False
            self._places.give_back(self._holder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()


class Places:
    """A number of places, each held by a tenant.

    Args:
        what: Names what a place is for, in the plural, for people.
        total: The number of places.
        share: The part of them that one tenant may hold.
        patience_seconds: The longest that anybody waits for a place.
    """

    def __init__(self, what: str, total: int, share: Share, *, patience_seconds: float = 0) -> None:
        self._what = what
        self._total = total
        self._share = share
        self._patience = patience_seconds
        self._held: Counter[str] = Counter()
        self._waiting: dict[asyncio.Future[None], str] = {}

    @property
    def taken(self) -> int:
        """The number of places that are held."""
        return self._held.total()

    async def take(self, holder: str) -> Place:
        """Take a place, if need be after those who came before.

        Args:
            holder: The tenant that is to hold it.

        Raises:
            TooManyAtOnceError: The tenant holds its share.
            OverloadedError: All places are taken.
        """
        if not self._may_take(holder):
            await self._wait(holder)
        else:
            self._held[holder] += 1
        return Place(self, holder)

    def give_back(self, holder: str) -> None:
        """Take a holder's place back, and pass it on to the first waiter that may have it."""
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
        for waiter, waiting_holder in list(self._waiting.items()):
            if self._may_take(waiting_holder):
                self._grant(waiter, waiting_holder)

    def _may_take(self, holder: str) -> bool:
        free, held = self._total - self.taken, self._held[holder]
        most = self._share.most if 2 * free > self._total else self._share.least
        return free > 0 and held < most

    async def _wait(self, holder: str) -> None:
        if sum(one == holder for one in self._waiting.values()) >= self._share.waiting:
            raise self._refusal(holder)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = holder
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except BaseException as error:
            if self._waiting.pop(waiter, None) is None:  # granted in the same moment
                self.give_back(holder)
            if isinstance(error, TimeoutError):
                raise self._refusal(holder) from None
            raise

    def _grant(self, waiter: asyncio.Future[None], holder: str) -> None:
        del self._waiting[waiter]
        self._held[holder] += 1
        if not waiter.done():
            waiter.set_result(None)

    def _refusal(self, holder: str) -> TooManyAtOnceError | OverloadedError:
        if self._held[holder]:
            return TooManyAtOnceError(
                f"{holder} has {self._held[holder]} {self._what} at once, which is its share:"
                " come again when one of them has ended"
            )
        return OverloadedError(f"all {self._total} places for {self._what} are taken")
