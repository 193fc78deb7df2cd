"""Turns of heavy work in one process: few at once, and each tenant its share."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from anyio import from_thread

from shared.errors import TooMany


@dataclass(slots=True)
class Turns:
    """Gives turns to the tenant that has the fewest, so that one with much work delays another by one turn only.

    All methods run in the event loop, but for `in_thread`.
    """

    at_once: int = 2
    threads_of_tenant: int = 12
    threads_of_all: int = 24
    _running: Counter[str] = field(default_factory=Counter)
    _waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)
    _threads: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the context lasts."""
        await self._take(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    @contextmanager
    def in_thread(self, tenant: str) -> Iterator[None]:
        """Do the same in a worker thread of the event loop.

        Raises TooMany where the tenant already holds or waits with as many threads as it may: threads serve everybody.
        """
        from_thread.run(self._take_for_thread, tenant)
        try:
            yield
        finally:
            from_thread.run_sync(self._give_back_of_thread, tenant)

    async def _take_for_thread(self, tenant: str) -> None:
        if self._threads[tenant] >= self.threads_of_tenant or self._threads.total() >= self.threads_of_all:
            raise TooMany("Too many pictures and decodings at once; send it again later.", "rate_limited")
        self._threads[tenant] += 1
        try:
            await self._take(tenant)
        except BaseException:
            self._forget_thread(tenant)
            raise

    def _give_back_of_thread(self, tenant: str) -> None:
        self._forget_thread(tenant)
        self._give_back(tenant)

    def _forget_thread(self, tenant: str) -> None:
        self._threads[tenant] -= 1
        self._threads += Counter()  # forget tenants that have none

    async def _take(self, tenant: str) -> None:
        if self._running.total() < self.at_once:
            self._running[tenant] += 1
            return
        wish = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(wish)
        try:
            await wish
        except asyncio.CancelledError:
            if wish.done() and not wish.cancelled():  # the turn came at the same moment
                self._give_back(tenant)
            raise

    def _give_back(self, tenant: str) -> None:
        self._running[tenant] -= 1
        self._running += Counter()  # forget tenants that have none
        while self._waiting and self._running.total() < self.at_once:
            following = min(self._waiting, key=lambda name: self._running[name])
            queue = self._waiting.pop(following)
            wish = queue.popleft()
            if queue:
                self._waiting[following] = queue  # behind the others
            if not wish.done():
                self._running[following] += 1
                wish.set_result(None)
