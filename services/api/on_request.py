"""Files of a result that are written at their first request: requests them, and waits a while for them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import anyio
from celery import Celery
from fastapi.concurrency import run_in_threadpool

from shared.errors import Conflict, Unauthorized
from shared.ledger import Ledger, api_keys, files, jobs
from shared.worker.queue import notify

SECONDS = 10.0
"""How long a request waits for its file."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
MOST = 32
"""Requests of one process that wait at once; further ones are answered without waiting."""
_PENDING = {"ready", "running"}


@dataclass(frozen=True, slots=True)
class FileToWrite:
    """A file that a revision of a result can have and that is not written yet."""

    name: str
    revision: int = 1


@dataclass(slots=True)
class FilesOnRequest:
    """Requests files on behalf of the clients of this process."""

    ledger: Ledger
    queue: Celery
    patience: float
    _waiting: int = 0

    async def write(self, caller: api_keys.Caller, job_id: str, file: FileToWrite) -> None:
        """Request a file that the job can have, and wait a while for it.

        Raises NotFound for a job that the caller does not have, and Conflict if the file could not be written.
        """
        state: str | None = await run_in_threadpool(self._request, caller, job_id, file)
        if state in _PENDING and self._waiting < MOST:
            self._waiting += 1
            try:
                state = await self._wait(caller, job_id, file)
            finally:
                self._waiting -= 1
        if state == "failed" and file.name == jobs.RESULT:
            raise Conflict(f"Revision {file.revision} could not be written.", "revision_failed")
        if state == "failed":
            raise Conflict(f"{file.name} could not be written.", "file_failed")

    async def _wait(self, caller: api_keys.Caller, job_id: str, file: FileToWrite) -> str | None:
        end, pause = time.monotonic() + SECONDS, FIRST_PAUSE
        while True:
            await anyio.sleep(pause)
            state = await run_in_threadpool(self._state, caller, job_id, file)
            if state not in _PENDING or time.monotonic() > end:
                return state
            pause = min(2.0 * pause, LONGEST_PAUSE)

    def _request(self, caller: api_keys.Caller, job_id: str, file: FileToWrite) -> files.State:
        name, revision = file.name, file.revision
        with self.ledger.read(caller.tenant) as connection:
            state = files.states(connection, job_id, revision).get(name)
        if state is not None and state in _PENDING:  # no transaction that writes, and no second message
            return state
        with self.ledger.write(caller.tenant) as connection:
            state = files.request(connection, caller.tenant, job_id, name, self.patience, revision)
        if state == "ready":
            with suppress(Exception):  # the reconciler notifies later
                notify(self.queue, job_id, files.STAGE)
        return state

    def _state(self, caller: api_keys.Caller, job_id: str, file: FileToWrite) -> str | None:
        with self.ledger.read(caller.tenant) as connection:
            if caller.is_stored and not api_keys.valid_ids(connection, [caller.key_id]):
                raise Unauthorized(api_keys.REFUSED)
            return files.states(connection, job_id, file.revision).get(file.name)
