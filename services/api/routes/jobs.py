"""/v1/jobs: create, read, list, cancel, erase."""

from __future__ import annotations

from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.api import schemas, uploads
from services.api.bounds import takes_body
from services.api.gateway import Gateway, GatewayDep, Reader, Writer
from services.api.requests import RAW_TYPES, media_type, raw_or_json, read_json
from services.api.submissions import JobSubmission
from services.api.views import job_view, job_views
from shared.errors import BadRequest
from shared.ledger import api_keys, audit, descriptions, erasure, jobs
from shared.operations.manifests import file_accepted

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255, pattern="^[!-~]+$")]
JOB_BODY = raw_or_json(schemas.inlined(schemas.JobRequest))


@router.post("", status_code=202, openapi_extra=JOB_BODY, responses={202: {"model": schemas.Job}})
@takes_body(None)
async def create_job(
    request: Request,
    response: Response,
    later: BackgroundTasks,
    gateway: GatewayDep,
    caller: Writer,
    quality: schemas.Quality = "standard",
    spacing: schemas.SpacingText | None = None,
    modality: schemas.Modality | None = None,
    coverage: bool = True,
    deadline: Annotated[int | None, Query(ge=1, le=7 * 86400)] = None,
    model: schemas.ModelName | None = None,
    filename: str | None = None,  # noqa: ARG001 - documented, kept nowhere
    idempotency_key: IdempotencyKey = None,
) -> schemas.Job:
    """Accept a scan as the raw body, or as JSON the id of an uploaded scan, and start a job on it."""
    await run_in_threadpool(uploads.check_room, gateway, caller.tenant)
    kind = media_type(request)
    if kind == "application/json":
        body = await read_json(request, schemas.JobRequest)
        submission = JobSubmission(gateway, caller, idempotency_key, body.options, f"scan:{body.scan}")
        job = await run_in_threadpool(submission.submit, None, body.scan)
    elif kind in RAW_TYPES:
        options = schemas.Options.from_query(
            spacing, quality=quality, modality=modality, coverage=coverage, deadline=deadline, model=model
        )
        job = await JobSubmission(gateway, caller, idempotency_key, options, "body").submit_body(request)
    else:
        raise HTTPException(415)
    later.add_task(file_accepted, gateway.ledger, gateway.store, job.scan_id, job.id)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    response.headers["Retry-After"] = "1"
    return await run_in_threadpool(_view, gateway, caller, job.id)


@router.get("")
def list_jobs(
    gateway: GatewayDep,
    caller: Reader,
    state: jobs.State | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    created_after: schemas.Moment | None = None,
    created_before: schemas.Moment | None = None,
    q: Annotated[str, Query(max_length=500)] = "",
    modality: schemas.Modality | None = None,
    model: schemas.ModelName | None = None,
    review: descriptions.Review | None = None,
    warning: Annotated[str | None, Query(pattern="^[a-z_]{1,64}$")] = None,
    tag: Annotated[list[schemas.Tag] | None, Query(max_length=20)] = None,
) -> schemas.JobPage:
    """Return the tenant's jobs, newest first; `created_after` is inclusive, `created_before` exclusive.

    `q` are words, each of which a job must have: in its name, note, tags, modality or model, as six or more characters
    of its number, or as the day, month or year of its creation (2026-11-30, 2026-11, 2026; UTC). `tag` may be repeated.
    `warning` is a code of `report.json` that the newest result has, of an organ or of the whole.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BadRequest("The cursor is not one of this service.", "bad_cursor")
    before = int(cursor) if cursor else None
    since, until = (_seconds(time) for time in (created_after, created_before))
    where = descriptions.having(modality=modality, model=model, review=review, warning=warning, tags=tag or ())
    if q.split():
        where.append(descriptions.matching(q))
    if caller.job:  # a guest must not find out what people wrote
        where = []
    with gateway.reading(caller) as connection:
        page = jobs.page(
            connection, caller.tenant, state, before, limit + 1, since=since, until=until, only=caller.job, where=where
        )
        items = job_views(connection, gateway.estimate, page[:limit], caller)
    return schemas.JobPage(items=items, next=str(page[limit - 1].seq) if len(page) > limit else None)


@router.get("/{job_id}")
async def get_job(
    job_id: str, gateway: GatewayDep, caller: Reader, wait: Annotated[float, Query(ge=0, le=60)] = 0.0
) -> schemas.Job:
    """Return the job; with `wait`, after a change or that many seconds."""
    if wait:
        job = await run_in_threadpool(_get, gateway, caller, job_id)
        async with aclosing(gateway.watch.changes(caller, job_id, job, wait)) as changes:
            await anext(changes, None)
    return await run_in_threadpool(_view, gateway, caller, job_id)


@router.post("/{job_id}/cancel")
def cancel_job(job_id: str, gateway: GatewayDep, caller: Writer) -> schemas.Job:
    """End the job as cancelled; no later stage starts. 409 if it had already ended."""
    with gateway.writing(caller) as connection:
        jobs.cancel(connection, caller.tenant, job_id)
        audit.record(connection, caller.tenant, caller.key_id, "cancel", job_id)
    return _view(gateway, caller, job_id)


@router.patch("/{job_id}")
def change_job(job_id: str, change: schemas.JobChange, gateway: GatewayDep, caller: Writer) -> schemas.Job:
    """Change what people wrote about a job: name, note, tags, review. The job itself does not change."""
    values = change.model_dump(exclude_none=True, exclude={"review"})
    with gateway.writing(caller) as connection:
        jobs.lock(connection, job_id)
        jobs.get(connection, caller.tenant, job_id)
        descriptions.describe(connection, job_id, **values)
        if change.review:
            descriptions.review(connection, job_id, change.review, caller.name or caller.key_id)
        action = f"review {change.review}" if change.review else "describe"
        audit.record(connection, caller.tenant, caller.key_id, action, job_id)
    return _view(gateway, caller, job_id)


@router.delete("/{job_id}", status_code=204)
def delete_job(job_id: str, gateway: GatewayDep, caller: Writer) -> None:
    """Cancel the job if it runs, and erase its scan and results; an audit record stays."""
    with gateway.writing(caller) as connection:
        prefixes = erasure.erase_job(connection, caller.tenant, job_id, caller.key_id)
    for prefix in prefixes:
        with suppress(Exception):  # the reconciler deletes again until nothing is left
            gateway.store.delete(prefix)


def _get(gateway: Gateway, caller: api_keys.Caller, job_id: str) -> jobs.Job:
    with gateway.reading(caller) as connection:
        return jobs.get(connection, caller.tenant, job_id)


def _view(gateway: Gateway, caller: api_keys.Caller, job_id: str) -> schemas.Job:
    with gateway.reading(caller) as connection:
        return job_view(connection, gateway.estimate, jobs.get(connection, caller.tenant, job_id), caller)


def _seconds(time: datetime | None) -> float | None:
    if time is None:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
