"""/v1/jobs/{id}/events: changes of a job as they happen (server-sent events, WHATWG HTML 9.2)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader
from services.api.views import job_view
from shared.errors import NotFound, Unauthorized
from shared.ledger import api_keys, early, history, jobs

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
    wants_early: Annotated[bool, Query(alias="early")] = False,
) -> Response:
    """Stream the job's history after `Last-Event-ID`, then every change until it has ended.

    `event: log` is one entry of the history, `event: job` the whole Job. The stream ends after the end state. A client
    that has seen the end state gets 204, which makes browsers stop reconnecting. It also ends with the caller's key.

    With `early`, the segmenter shows slices as it finishes them: `event: early` is one part of them, see
    `/v1/jobs/{id}/early`. A part with another `attempt` replaces all earlier ones.
    """
    after = int(last_event_id or 0)
    stream = _Stream(gateway, caller, job_id, after, wants_early)
    await run_in_threadpool(stream.read)
    if stream.job.state not in jobs.OPEN and last_event_id and not stream.news:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream.pieces(), 200, headers, "text/event-stream")


class _Stream:
    """One client's stream of one job's events."""

    def __init__(
        self, gateway: Gateway, caller: api_keys.Caller, job_id: str, after: int, wants_early: bool = False
    ) -> None:
        self.gateway, self.caller, self.job_id, self.after = gateway, caller, job_id, after
        self.wants_early, self.looked = wants_early, float("-inf")
        self.job: jobs.Job
        self.view: schemas.Job
        self.news: list[history.Event] = []
        self.parts: list[early.EarlyPart] = []
        self.sent: set[early.EarlyPart] = set()

    def read(self) -> None:
        """Read the job and its new history.

        Raises NotFound.
        """
        with self.gateway.reading(self.caller) as connection:
            self.job = jobs.get(connection, self.caller.tenant, self.job_id)
            self.news = history.history(connection, self.job_id, self.after)
            self.view = job_view(connection, self.gateway.estimate, self.job, self.caller)
            if self.wants_early:
                self.parts = [part for part in early.parts(connection, self.job_id) if part not in self.sent]
        self._look()

    def _look(self) -> None:
        """Have the segmenter show early outlines while this stream is read."""
        is_open = self.job.stage in {"classifier", "segmenter"}
        if self.wants_early and is_open and time.monotonic() - self.looked > early.LOOKS / 3:
            self.looked = time.monotonic()
            with self.gateway.writing(self.caller) as connection:
                early.look(connection, self.job_id)

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
        parts = [schemas.early_part(self.job_id, part) for part in self.parts]
        self.sent.update(self.parts)
        entries += [f"event: early\ndata: {part.model_dump_json()}\n\n" for part in parts]
        return "".join([*entries, f"id: {self.after}\nevent: job\ndata: {self.view.model_dump_json()}\n\n"])


def _entry(event: history.Event) -> Entry:
    return Entry(kind=event.kind, at=schemas.time_of(event.at), data=event.data)
