"""Waits for jobs to change: one query of the ledger for all waiting clients of this process."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

from fastapi.concurrency import run_in_threadpool

from shared.errors import NotFound, Unauthorized, Unavailable
from shared.ledger import Ledger, api_keys, jobs

EVERY = 0.1
"""Seconds between two readings of the watched jobs."""
CHECKED = 1.0
"""Seconds between two checks of the credentials of waiting clients."""


@dataclass(slots=True)
class Watch:
    """Tells waiting clients when a job has changed or is gone.

    While clients wait, one task reads all watched jobs together every tenth of a second, so many clients cost the
    ledger no more than one.
    """

    ledger: Ledger
    _watched: Counter[str] = field(default_factory=Counter)
    _callers: Counter[str] = field(default_factory=Counter)
    _ended: set[str] = field(default_factory=set)
    _checked: float = float("-inf")
    _seen: dict[str, jobs.Job | None] = field(default_factory=dict)
    _turn: asyncio.Condition = field(default_factory=asyncio.Condition)
    _task: asyncio.Task[None] | None = None

    async def changes(
        self, caller: api_keys.Caller, job_id: str, first: jobs.Job, beat: float
    ) -> AsyncGenerator[jobs.Job | None]:
        """Yield the job whenever it differs from the last one, and None after every `beat` seconds without a change.

        Ends after an end state. Raises NotFound once the job is erased, and Unauthorized at most a second or so after
        the caller's credential has ended.
        """
        last = first
        self._watched[job_id] += 1
        self._callers[caller.key_id] += caller.is_stored
        self._start()
        try:
            while last.state in jobs.OPEN:
                current = await self._next(caller, job_id, last, beat)
                if current is not None:
                    last = current
                yield current
        finally:
            self._callers[caller.key_id] -= caller.is_stored
            if not self._callers[caller.key_id]:
                del self._callers[caller.key_id]
                self._ended.discard(caller.key_id)
            self._watched[job_id] -= 1
            if not self._watched[job_id]:
                del self._watched[job_id]
                self._seen.pop(job_id, None)

    async def _next(self, caller: api_keys.Caller, job_id: str, last: jobs.Job, beat: float) -> jobs.Job | None:
        def ended() -> bool:
            return caller.key_id in self._ended or (caller.expires is not None and caller.expires <= time.time())

        def news() -> bool:
            return job_id in self._seen and self._seen[job_id] != last

        async with self._turn:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._turn.wait_for(lambda: news() or ended()), beat)
        current = self._seen[job_id] if news() else last
        if current is None:  # before the credential: an erased job takes its shares along
            raise NotFound("The job was erased.")
        if ended():
            raise Unauthorized(api_keys.REFUSED)
        return None if current is last else current

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while self._watched:
            with suppress(Unavailable):  # the ledger is unavailable: clients keep waiting
                current = await run_in_threadpool(self._read, list(self._watched))
                await self._check()
                self._seen.update({job_id: current.get(job_id) for job_id in self._watched if job_id in current})
                async with self._turn:
                    self._turn.notify_all()
            await asyncio.sleep(EVERY)

    async def _check(self) -> None:
        """Note the callers whose credentials have ended, once a second."""
        if time.monotonic() - self._checked < CHECKED:
            return
        callers = [key_id for key_id in self._callers if key_id not in self._ended]
        valid = await run_in_threadpool(self._valid, callers)
        self._ended |= {key_id for key_id in callers if key_id not in valid and key_id in self._callers}
        self._checked = time.monotonic()

    def _valid(self, key_ids: list[str]) -> set[str]:
        with self.ledger.read() as connection:
            return api_keys.valid_ids(connection, key_ids)

    def _read(self, job_ids: list[str]) -> dict[str, jobs.Job | None]:
        with self.ledger.read() as connection:
            current = {job.id: job for job in jobs.several(connection, job_ids)}
        return {job_id: current.get(job_id) for job_id in job_ids}
