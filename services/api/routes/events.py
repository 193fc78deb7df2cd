"""/v1/jobs/{id}/events: changes of a job as they happen (server-sent events, WHATWG HTML 9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader
from services.api.views import job_view
from shared.errors import NotFound, Unauthorized
from shared.ledger import api_keys, history, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
BEAT = 15.0
"""Seconds of silence after which a comment keeps the connection alive."""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "The stream."},
    204: {"description": "The job has ended and the client has seen its end."},
}


class Entry(BaseModel):
    """One entry of a job's history."""

    kind: str
    at: datetime
    data: dict[str, Any]


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def follow_job(
    job_id: str,
    gateway: GatewayDep,
    caller: Reader,
    last_event_id: Annotated[str, Header(max_length=18, pattern="^[0-9]*$")] = "",
) -> Response:
    """Stream the job's history after `Last-Event-ID`, then every change until it has ended.

    `event: log` is one entry of the history, `event: job` the whole Job. The stream ends after the end state. A client
    that has seen the end state gets 204, which makes browsers stop reconnecting. It also ends with the caller's key.
    """
    after = int(last_event_id or 0)
    stream = _Stream(gateway, caller, job_id, after)
    await run_in_threadpool(stream.read)
    if stream.job.state not in jobs.OPEN and last_event_id and not stream.news:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream.pieces(), 200, headers, "text/event-stream")


class _Stream:
    """One client's stream of one job's events."""

    def __init__(self, gateway: Gateway, caller: api_keys.Caller, job_id: str, after: int) -> None:
        self.gateway, self.caller, self.job_id, self.after = gateway, caller, job_id, after
        self.job: jobs.Job
        self.view: schemas.Job
        self.news: list[history.Event] = []

    def read(self) -> None:
        """Read the job and its new history.

        Raises NotFound.
        """
        with self.gateway.reading(self.caller) as connection:
            self.job = jobs.get(connection, self.caller.tenant, self.job_id)
            self.news = history.history(connection, self.job_id, self.after)
            self.view = job_view(connection, self.gateway.estimate, self.job)

    async def pieces(self) -> AsyncIterator[str]:
        """Yield the stream's text."""
        yield "retry: 2000\n\n"
        yield self.text()
        try:
            async for changed in self.gateway.watch.changes(self.caller, self.job_id, self.job, BEAT):
                if changed is None:
                    yield ": still here\n\n"
                else:
                    await run_in_threadpool(self.read)
                    yield self.text()
        except NotFound:  # erased meanwhile
            yield "event: gone\ndata: {}\n\n"
        except Unauthorized:  # the credential has ended: a client that comes back gets 401
            return

    def text(self) -> str:
        """Return what was read last, as events."""
        entries = [f"id: {event.id}\nevent: log\ndata: {_entry(event).model_dump_json()}\n\n" for event in self.news]
        self.after = max([self.after, *(event.id for event in self.news)])
        return "".join([*entries, f"id: {self.after}\nevent: job\ndata: {self.view.model_dump_json()}\n\n"])


def _entry(event: history.Event) -> Entry:
    return Entry(kind=event.kind, at=schemas.time_of(event.at), data=event.data)
