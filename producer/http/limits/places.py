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
        most: Limit while at least half of all places are free.
        least: Limit while any place is free.
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
        """Give the place back; a second call does nothing."""
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
        what: Name of what the places are for, in the plural, for messages.
        total: The number of places.
        share: The part of them that one tenant may hold.
        patience_seconds: Maximum seconds to wait for a place.
    """

    def __init__(self, what: str, total: int, share: Share, *, patience_seconds: float = 0) -> None:
        self._what = what
        self._total = total
        self._share = share
        self._patience = patience_seconds
        self._taken = 0
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}

    @property
    def taken(self) -> int:
        """Return the number of places that are held."""
        return self._taken

    async def take(self, holder: str) -> Place:
        """Take a place, after earlier requests of the same tenant.

        Args:
            holder: The tenant that will hold it.

        Raises:
            TooManyAtOnceError: The tenant holds its share.
            OverloadedError: All places are taken.
        """
        if self._may_take(holder):
            self._hold(holder)
        else:
            await self._wait(holder)
        return Place(self, holder)

    def give_back(self, holder: str) -> None:
        """Give a holder's place back, and pass it on; waiting tenants take turns."""
        self._taken -= 1
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
        for waiting_holder in list(self._waiting):
            if self._taken == self._total:
                return
            if self._may_take(waiting_holder):
                self._grant(waiting_holder)

    def _may_take(self, holder: str) -> bool:
        free = self._total - self._taken
        most = self._share.most if 2 * free > self._total else self._share.least
        return free > 0 and self._held[holder] < most

    def _hold(self, holder: str) -> None:
        self._taken += 1
        self._held[holder] += 1

    def _grant(self, holder: str) -> None:
        waiters = self._waiting.pop(holder)
        waiter = next(iter(waiters))
        del waiters[waiter]
        if waiters:
            self._waiting[holder] = waiters  # as the last one
        self._hold(holder)
        if not waiter.done():
            waiter.set_result(None)

    async def _wait(self, holder: str) -> None:
        if len(self._waiting.get(holder, ())) >= self._share.waiting:
            raise self._refusal(holder)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, {})[waiter] = None
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except BaseException as error:
            if not self._leave(holder, waiter):  # it was granted at the same moment
                self.give_back(holder)
            if isinstance(error, TimeoutError):
                raise self._refusal(holder) from None
            raise

    def _leave(self, holder: str, waiter: asyncio.Future[None]) -> bool:
        """Remove a waiter from the line; return whether it was there."""
        waiters = self._waiting.get(holder, {})
        stood = waiter in waiters
        waiters.pop(waiter, None)
        if not waiters:
            self._waiting.pop(holder, None)
        return stood

    def _refusal(self, holder: str) -> TooManyAtOnceError | OverloadedError:
        if held := self._held[holder]:
            return TooManyAtOnceError(
                f"{holder} has {held} {self._what} at once, which is its share:"
                " come again when one of them has ended"
            )
        return OverloadedError(f"all {self._total} places for {self._what} are taken")
