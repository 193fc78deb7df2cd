"""/monailabel/infer and session: outlines of an image, those that are there or of a new job that is waited for."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from services.api import schemas
from services.api.bounds import takes_body
from services.api.gateway import Gateway, GatewayDep, Reader, Writer, check_scope
from services.api.monailabel import forms, labels
from services.api.monailabel.datastore import submit, suffix_of
from services.api.monailabel.images import ImageId, find, label_names
from services.api.monailabel.service import PREFIX
from services.api.routes.jobs import delete_job
from services.api.submissions import JobSubmission
from shared import artifacts
from shared.errors import BadRequest, Conflict, Unprocessable
from shared.ledger import api_keys, jobs

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Json = dict[str, Any]
WAIT_SECONDS = 600.0
"""A client waits for outlines in one request; the job goes on if they take longer, and the next request finds it."""
BEAT = 5.0


@router.post("/infer/{model}")
@takes_body(None)
async def infer(
    model: schemas.ModelName,
    request: Request,
    gateway: GatewayDep,
    caller: Reader,
    image: ImageId = "",
    session_id: ImageId = "",
    output: Annotated[str, Query(pattern="^(image|json|all)?$")] = "",
) -> Response:
    """Return the newest outlines of an image by a model: of its job, or of a new job on the same scan.

    The image may be a session, or a file in the form. With `output=json` only the parameters are returned, with
    `output=image` only the file.
    """
    with gateway.limits.upload(caller.tenant):
        async with forms.received(request, gateway) as form:
            parameters = form.parameters()
            suffix = suffix_of(parameters.get("result_extension", ".nrrd"))
            if "label" in form.files:
                raise Unprocessable("Scribbles are not used here: correct the outlines instead.", "unsupported_labels")
            if "file" in form.files:
                check_scope(caller, "jobs:write")
                job = await submit(gateway, caller, form, "file")
            elif session_id or image:
                job = await run_in_threadpool(_found, gateway, caller, session_id or image)
            else:
                raise BadRequest("Say which image: image, session_id or a file.", "incomplete_body")
    job = await _ended(gateway, caller, await run_in_threadpool(_by_model, gateway, caller, job, model))
    if job.state != "succeeded":
        raise Conflict(f"The job of this image ended as {job.state}: {job.error_code or ''}.", f"job_{job.state}")
    return await run_in_threadpool(_answer, gateway, caller, job, suffix, output)


def _found(gateway: Gateway, caller: api_keys.Caller, image: str) -> jobs.Job:
    with gateway.reading(caller) as connection:
        return find(connection, caller, image)


def _by_model(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job, model: str) -> jobs.Job:
    """Return the job if this model made its outlines or will make them; else a further job on its scan."""
    requested = job.options.get("model")
    if _is_named(model, str(requested).partition("@")) if requested else _is_made_by(gateway, caller, job, model):
        return job
    check_scope(caller, "jobs:write")
    options = schemas.Options.model_validate({**job.options, "model": model})
    key = f"monailabel {job.scan_id} {model}"
    submission = JobSubmission(gateway, caller, key, options, job.scan_id)
    return submission.earlier() or submission.submit(None, job.scan_id)


def _is_made_by(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job, model: str) -> bool:
    """Return whether the default model of the job is the one that is named."""
    with gateway.reading(caller) as connection:
        facts = jobs.published(connection, job.id).get(artifacts.facts_name("segmenter"))
    if facts is None:  # the job still runs: its own model is as good as known, the default
        return True
    models = artifacts.Facts.model_validate_json(b"".join(gateway.store.read(facts.key))).models
    return any(_is_named(model, (fact.name, "@", fact.version)) for fact in models)


def _is_named(model: str, known: tuple[str, str, str]) -> bool:
    name, _, version = model.partition("@")
    return name == known[0] and (not version or not known[2] or version == known[2])


async def _ended(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job) -> jobs.Job:
    """Return the job at its end.

    Raises Conflict where that takes too long.
    """
    until = time.monotonic() + WAIT_SECONDS
    async with aclosing(gateway.watch.changes(caller, job.id, job, BEAT)) as changes:
        async for change in changes:
            job = change or job
            if job.state in jobs.OPEN and time.monotonic() > until:
                raise Conflict("The outlines are not ready yet: ask again in a minute.", "not_ready")
    return await run_in_threadpool(_found, gateway, caller, job.id)


def _answer(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job, suffix: str, output: str) -> Response:
    _, artifact, organs = labels.outlines(gateway, caller, job.id)
    content, present = labels.encode(gateway, artifact, suffix)
    names = label_names(organs, present)
    parameters = {"label_names": names, "job": job.id, "latencies": {}}
    gateway.audit(caller, "read", job.id)
    if output == "json":
        return JSONResponse(parameters)
    name = f"{job.id}{suffix}"
    if output == "image":
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, 200, headers, labels.SUFFIXES[suffix])
    body, media_type = forms.answer(parameters, name, content)
    return Response(body, 200, media_type=media_type)


@router.put("/session/")
@takes_body(None)
async def create_session(request: Request, gateway: GatewayDep, caller: Writer) -> Json:
    """Take a scan and start a job on it; the session is the job."""
    with gateway.limits.upload(caller.tenant):
        async with forms.received(request, gateway) as form:
            job = await submit(gateway, caller, form, "files")
    return {"session_id": job.id, "session_info": _session(job)}


@router.get("/session/{job_id}")
def get_session(job_id: str, gateway: GatewayDep, caller: Reader) -> Json:
    """Return a session."""
    return _session(_found(gateway, caller, job_id))


@router.delete("/session/{job_id}")
def delete_session(job_id: str, gateway: GatewayDep, caller: Writer) -> Json:
    """Erase a session's scan and result."""
    job = _found(gateway, caller, job_id)
    delete_job(job.id, gateway, caller)
    return _session(job)


def _session(job: jobs.Job) -> Json:
    return {"name": job.id, "image": job.id, "create_ts": int(job.created), "expiry": int(job.deadline - job.created)}
