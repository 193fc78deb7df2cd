"""Jobs as clients see them, with their files and their expected wait."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.api import schemas
from shared.errors import Conflict
from shared.ledger import api_keys, descriptions, jobs, throughput
from shared.ledger.engine import unconfined

FRESH = 10.0


@dataclass(slots=True)
class Estimate:
    """Expected wait of a queued job; the throughput is read at most every ten seconds."""

    _seconds: float | None = None
    _until: float = 0.0

    def wait(self, connection: Connection, position: int | None) -> int | None:
        """Return the seconds until a job at this position starts; None without a position or without earlier jobs.

        The throughput is that of all tenants. It is read on the caller's connection: waiting for a second one while
        holding the first could deadlock many callers.
        """
        if position is None:
            return None
        if time.monotonic() > self._until:
            self._until = time.monotonic() + FRESH
            with unconfined(connection):
                self._seconds = throughput.seconds_per_job(connection)
        return None if self._seconds is None else math.ceil((position - 1) * self._seconds)


def job_view(connection: Connection, estimate: Estimate, job: jobs.Job, caller: api_keys.Caller) -> schemas.Job:
    """Return one job."""
    return job_views(connection, estimate, [job], caller)[0]


def job_views(
    connection: Connection, estimate: Estimate, stored: Iterable[jobs.Job], caller: api_keys.Caller
) -> list[schemas.Job]:
    """Return several jobs, with one query for their files and one for their descriptions.

    The guest of a share link does not see what people wrote about a job.
    """
    listed = list(stored)
    names = jobs.published_of(connection, [job.id for job in listed])
    described = {} if caller.job else descriptions.of(connection, names)
    unknown = descriptions.Description()
    return [
        schemas.job_view(job, names[job.id], estimate.wait(connection, job.position), described.get(job.id, unknown))
        for job in listed
    ]


def missing_file(job: jobs.Job, name: str) -> Conflict:
    """Return the error that says why a job does not have this file."""
    if job.state in jobs.OPEN:
        return Conflict(f"The job has no {name} yet.", "not_ready")
    return Conflict(f"The job has no {name}: it ended as {job.state}.", f"job_{job.state}")
