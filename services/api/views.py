"""Jobs as clients see them, with the files they have and the wait that is likely."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.api import schemas
from shared.ledger import jobs, throughput
from shared.ledger.engine import unconfined

FRESH = 10.0


@dataclass(slots=True)
class Estimate:
    """The likely wait of a queued job; the pace is looked up at most every ten seconds."""

    _seconds: float | None = None
    _until: float = 0.0

    def wait(self, connection: Connection, position: int | None) -> int | None:
        """Seconds until a job at this place in the queue begins; None where there is no place or no experience.

        The pace is everybody's. It is read on the caller's connection: one that is held while another is awaited
        would let a crowd of callers wait for each other.
        """
        if position is None:
            return None
        if time.monotonic() > self._until:
            self._until = time.monotonic() + FRESH
            with unconfined(connection):
                self._seconds = throughput.seconds_per_job(connection)
        return None if self._seconds is None else math.ceil((position - 1) * self._seconds)


def job_view(connection: Connection, estimate: Estimate, job: jobs.Job) -> schemas.Job:
    """One job."""
    return schemas.job_view(job, jobs.published(connection, job.id), estimate.wait(connection, job.position))


def job_views(connection: Connection, estimate: Estimate, found: Iterable[jobs.Job]) -> list[schemas.Job]:
    """Several jobs, with one look at their files."""
    listed = list(found)
    names = jobs.published_of(connection, [job.id for job in listed])
    return [schemas.job_view(job, names[job.id], estimate.wait(connection, job.position)) for job in listed]
