"""/v1/jobs: create, look at, list, cancel, erase."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from services.api import schemas, uploads
from services.api.gateway import Connections, Context, Reader, Writer
from services.api.views import job_view, job_views
from shared.errors import BadRequest, Conflict, Unprocessable
from shared.ledger import api_keys, audit, erasure, idempotency, jobs, submission
from shared.operations.manifests import file_accepted
from shared.telemetry.trace import span
from shared.worker import failpoints
from shared.worker.queue import notify

logger = logging.getLogger("viscera.api.jobs")
router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Model = TypeVar("Model", bound=BaseModel)
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255, pattern="^[!-~]+$")]
RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in uploads.RAW_TYPES[:5]},
    }
}
JOB_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": RAW_BODY["requestBody"]["content"]
        | {"application/json": {"schema": schemas.inlined(schemas.JobRequest)}},
    }
}


@router.post("", status_code=202, openapi_extra=JOB_BODY, responses={202: {"model": schemas.Job}})
async def create_job(
    request: Request,
    response: Response,
    later: BackgroundTasks,
    connections: Connections,
    caller: Writer,
    quality: schemas.Quality = "standard",
    spacing: schemas.SpacingText | None = None,
    deadline: Annotated[int | None, Query(ge=1, le=7 * 86400)] = None,
    filename: str | None = None,  # noqa: ARG001 - documented, kept nowhere
    idempotency_key: IdempotencyKey = None,
) -> schemas.Job:
    """Accepts a scan as the raw body, or as JSON the id of one uploaded before, and starts a job on it."""
    await run_in_threadpool(uploads.check_room, connections, caller.tenant)
    kind = uploads.media_type(request)
    if kind == "application/json":
        asked = await read_json(request, schemas.JobRequest)
        options = asked.options
        make = _Request(connections, caller, idempotency_key, options, f"scan:{asked.scan}")
        job = await run_in_threadpool(make.job, None, asked.scan)
    elif kind in uploads.RAW_TYPES:
        options = schemas.Options.from_query(quality, spacing, deadline)
        job = await _from_body(request, _Request(connections, caller, idempotency_key, options, "body"))
    else:
        raise HTTPException(415)
    later.add_task(file_accepted, connections.ledger, connections.store, job.scan_id, job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    response.headers["Retry-After"] = "1"
    return await run_in_threadpool(_view, connections, caller, job.id)


@router.get("")
def list_jobs(
    connections: Connections,
    caller: Reader,
    state: jobs.State | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    created_after: schemas.Moment | None = None,
    created_before: schemas.Moment | None = None,
) -> schemas.JobPage:
    """The tenant's jobs, newest first; created at or after one time and before another, where given."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BadRequest("The cursor is not one that this service gave.", "bad_cursor")
    before = int(cursor) if cursor else None
    since, until = (_seconds(time) for time in (created_after, created_before))
    with connections.reading(caller) as connection:
        found = jobs.page(
            connection, caller.tenant, state, before, limit + 1, since=since, until=until, only=caller.job
        )
        items = job_views(connection, connections.estimate, found[:limit])
    return schemas.JobPage(items=items, next=str(found[limit - 1].seq) if len(found) > limit else None)


@router.get("/{job_id}")
async def get_job(
    job_id: str, connections: Connections, caller: Reader, wait: Annotated[float, Query(ge=0, le=60)] = 0.0
) -> schemas.Job:
    """The job; with `wait` the answer comes when something has changed, at the latest after that many seconds."""
    if wait:
        job = await run_in_threadpool(_get, connections, caller, job_id)
        async with aclosing(connections.watch.changes(job_id, job, wait)) as changes:
            await anext(changes, None)
    return await run_in_threadpool(_view, connections, caller, job_id)


@router.post("/{job_id}/cancel")
def cancel_job(job_id: str, connections: Connections, caller: Writer) -> schemas.Job:
    """Ends the job as cancelled; no later stage starts. 409 if it had already ended."""
    with connections.writing(caller) as connection:
        jobs.cancel(connection, caller.tenant, job_id)
        audit.record(connection, caller.tenant, caller.key_id, "cancel", job_id)
    return _view(connections, caller, job_id)


@router.delete("/{job_id}", status_code=204)
def delete_job(job_id: str, connections: Connections, caller: Writer) -> None:
    """Cancels the job if it runs, and erases its scan and results; an audit record stays."""
    with connections.writing(caller) as connection:
        prefixes = erasure.erase_job(connection, caller.tenant, job_id, caller.key_id)
    for prefix in prefixes:
        with suppress(Exception):  # the reconciler deletes again until nothing is left
            connections.store.delete(prefix)


class _Request:
    """One request for a job, from the look at its Idempotency-Key to the doorbell."""

    def __init__(
        self, context: Context, caller: api_keys.Caller, key: str | None, options: schemas.Options, subject: str
    ) -> None:
        self.context, self.caller, self.key, self.options, self.subject = context, caller, key, options, subject

    def digest(self, sha256: str = "") -> str:
        text = json.dumps([self.subject, sha256, self.options.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def earlier(self, sha256: str = "") -> jobs.Job | None:
        """The job that the same key and request made before; raises Unprocessable for another request."""
        if self.key is None:
            return None
        with self.context.reading(self.caller) as connection:
            job_id = idempotency.recall(connection, self.caller.tenant, self.key, self.digest(sha256))
            return None if job_id is None else jobs.get(connection, self.caller.tenant, job_id)

    def job(self, scan: jobs.Scan | None, scan_id: str) -> jobs.Job:
        """Records scan, job and key in one transaction, then rings the first doorbell."""
        try:
            with span("accept job", bytes=scan.bytes if scan else 0) as trace:
                job = self._record(scan, scan_id, trace)
                logger.info("job accepted", extra={"job": job.id, "tenant": self.caller.tenant})
        except IntegrityError:  # another request with the same key was faster
            earlier = self.earlier(scan.sha256 if scan else "")
            if earlier is None:
                raise
            return earlier
        failpoints.hit("gateway", "after-commit")
        with suppress(Exception):  # the broker is away: the reconciler rings when it is back
            notify(self.context.queue, job.id, jobs.STAGES[0])
        return job

    def _record(self, scan: jobs.Scan | None, scan_id: str, trace: str | None) -> jobs.Job:
        tenant, sha256 = self.caller.tenant, scan.sha256 if scan else ""
        with self.context.writing(self.caller) as connection:
            if self.key is not None:
                again = idempotency.recall(connection, tenant, self.key, self.digest(sha256))
                if again is not None:
                    return jobs.get(connection, tenant, again)
            if scan is not None:
                jobs.add_scan(connection, tenant, scan)
            else:
                jobs.get_scan(connection, tenant, scan_id)
            settings = self.context.settings
            seconds = min(settings.job_seconds, self.options.deadline or settings.job_seconds)
            options = self.options.model_dump(mode="json", exclude={"deadline"})
            job_id = submission.submit(
                connection, tenant, scan_id, options, seconds=seconds, patience=settings.ring_seconds, trace=trace
            )
            if self.key is not None:
                idempotency.remember(connection, tenant, self.key, self.digest(sha256), job_id)
            audit.record(connection, tenant, self.caller.key_id, "create", job_id)
            return jobs.get(connection, tenant, job_id)


async def _from_body(request: Request, make: _Request) -> jobs.Job:
    with make.context.limits.upload(make.caller.tenant), uploads.spooled(make.context) as path:
        upload = await uploads.receive(request, path, make.context.settings.max_upload_bytes)
        earlier = await run_in_threadpool(make.earlier, upload.sha256)
        if earlier is not None:
            return earlier
        scan = await uploads.accept(make.context, upload, make.options.spacing)
        job = await run_in_threadpool(make.job, scan, scan.id)
    if job.scan_id != scan.id:  # another request with the same key won
        await run_in_threadpool(make.context.store.delete, f"scans/{scan.id}/")
    return job


async def read_json(request: Request, model: type[Model]) -> Model:
    """The JSON body as a model, in bounded memory; raises Unprocessable naming what is wrong."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 1 << 16:
            raise BadRequest("The JSON body is too long.", "bad_json")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors()[:5])
        raise Unprocessable(f"The request is not valid: {where or 'body'}.", "invalid_request") from error


def _get(context: Context, caller: api_keys.Caller, job_id: str) -> jobs.Job:
    with context.reading(caller) as connection:
        return jobs.get(connection, caller.tenant, job_id)


def _view(context: Context, caller: api_keys.Caller, job_id: str) -> schemas.Job:
    with context.reading(caller) as connection:
        return job_view(connection, context.estimate, jobs.get(connection, caller.tenant, job_id))


def _seconds(time: datetime | None) -> float | None:
    if time is None:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def ended(job: jobs.Job, name: str) -> Conflict:
    """Why a job does not have this file."""
    if job.state in jobs.OPEN:
        return Conflict(f"The job has no {name} yet.", "not_ready")
    return Conflict(f"The job has no {name}: it ended as {job.state}.", f"job_{job.state}")
