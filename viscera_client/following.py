"""Server-sent events of a job (WHATWG HTML, 9.2): the lines of a stream, and from where a broken one continues."""

from __future__ import annotations

from dataclasses import dataclass

from viscera_client.errors import Refused, Unreachable
from viscera_client.models import Job
from viscera_client.steps import TRIES, Request, after_break

SILENCE = 60.0
"""Seconds without a line after which a stream counts as broken: the service sends a comment every 15 s."""


@dataclass(slots=True)
class EventReader:
    """Reads the stream of one job's events, which may break and continue."""

    job_id: str
    last_id: str = ""
    name: str = ""
    broken: int = 0
    is_done: bool = False

    def request(self) -> Request:
        """Return the request that opens the stream, after the last event that was read."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        return Request(path=f"/v1/jobs/{self.job_id}/events", headers=headers, timeout=SILENCE)

    def job(self, line: str) -> Job | None:
        """Return the Job that a line has; None for every other line. Raises Refused once the job was erased."""
        self.broken = 0
        field, _, value = line.partition(": ")
        if field == "id":
            self.last_id = value
        elif field == "event":
            self.name = value
        elif field == "data" and self.name == "gone":
            raise Refused("There is no such job.", "not_found", 404)
        elif field == "data" and self.name == "job":
            job = Job.model_validate_json(value)
            self.is_done = not job.is_open
            return job
        return None

    def pause(self, error: Exception | None) -> float:
        """Return the seconds after which to open the stream again; `error` broke it. Raises Unreachable."""
        self.broken += 1
        if error is not None and (self.broken >= TRIES or not self.last_id):
            raise Unreachable(error) from error
        return after_break(self.broken)
