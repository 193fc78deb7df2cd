"""/v1/jobs/{id}/labels.nii.gz and revisions: corrected outlines become the next revision of the result."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, BackgroundTasks, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.api import schemas, uploads
from services.api.bounds import takes_body
from services.api.corrections import Correction, changes
from services.api.gateway import Gateway, GatewayDep, Reader, Writer
from services.api.label_edits import LabelEdits, Revision, RevisionList
from services.api.requests import RAW_BODY, RAW_TYPES, media_type, read_json
from services.api.routes.results import FILE, get_file
from services.api.views import job_view
from shared.ledger import api_keys, jobs, revisions
from shared.ledger.revisions import LABELS, Labels
from shared.operations.manifests import file_revision

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
MOST_EDIT_BYTES = 1 << 20
IfMatch = Annotated[str | None, Header(max_length=1000)]
_STATES = {"ready": "queued", "running": "running", "done": "succeeded", "failed": "failed"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": schemas.Job, "description": "The job; `revision` is the one that was made."},
    412: {"model": schemas.RevisionConflict, "content": {"application/problem+json": {}}},
    428: {"model": schemas.Problem, "content": {"application/problem+json": {}}},
}
_PREVIEW: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}},
    **{status: _ANSWERS[status] for status in (412, 428)},
}
_EDITS = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": schemas.inlined(LabelEdits)}},
    }
}


@router.head("/labels.nii.gz", include_in_schema=False, response_class=Response)
@router.get("/labels.nii.gz", response_class=Response, responses=FILE)
async def get_labels(
    job_id: str, request: Request, gateway: GatewayDep, caller: Reader, revision: schemas.RevisionNumber = None
) -> Response:
    """Return the label map of a revision; its ETag is what a correction names in `If-Match`."""
    return await get_file(job_id, LABELS, request, gateway, caller, revision=revision)


@router.put("/labels.nii.gz", status_code=202, openapi_extra=RAW_BODY, responses=_ANSWERS)
@takes_body(None)
async def put_labels(
    job_id: str,
    request: Request,
    response: Response,
    later: BackgroundTasks,
    gateway: GatewayDep,
    caller: Writer,
    if_match: IfMatch = None,
) -> schemas.Job:
    """Correct the outlines: the body is a label map on the same grid with ids of the job's label set.

    `If-Match` is the ETag of the label map that was corrected. The answer's ETag is that of the new label map. Its
    model and report are written next; `model.glb?revision=n` waits for them. The algorithm's revision 1 never changes.
    """
    correction = Correction(gateway, caller, job_id, if_match)
    await run_in_threadpool(correction.base)  # before the body is received
    if media_type(request) not in RAW_TYPES:
        raise HTTPException(415)
    with gateway.limits.upload(caller.tenant), uploads.spooled(gateway) as path:
        upload = await uploads.receive(request, path, gateway.settings.max_upload_bytes)
        labels = await run_in_threadpool(correction.make, upload.path, (), ("labels",))
    return await run_in_threadpool(_accepted, correction, labels, response, later)


@router.patch("/labels.nii.gz", status_code=202, openapi_extra=_EDITS, responses=_ANSWERS)
@takes_body(MOST_EDIT_BYTES)
async def patch_labels(
    job_id: str,
    request: Request,
    response: Response,
    later: BackgroundTasks,
    gateway: GatewayDep,
    caller: Writer,
    if_match: IfMatch = None,
) -> schemas.Job:
    """Correct the outlines by edits, without sending the label map; otherwise as PUT.

    `relabel` gives the connected part at a voxel another label, `fill` fills what a label encloses, `erase` removes a
    label, and `paint` gives runs of voxels a label. `smooth` smooths an outline, `islands` removes small parts, and
    `interpolate` gives the shapes between the parts in some slices.
    """
    correction = Correction(gateway, caller, job_id, if_match)
    body = await _edits(request, correction)
    labels = await run_in_threadpool(correction.make, None, body.plain(), body.kinds())
    return await run_in_threadpool(_accepted, correction, labels, response, later)


@router.post("/labels/preview", response_class=Response, openapi_extra=_EDITS, responses=_PREVIEW)
@takes_body(MOST_EDIT_BYTES)
async def preview_labels(
    job_id: str, request: Request, gateway: GatewayDep, caller: Writer, if_match: IfMatch = None
) -> Response:
    """Return the label map that edits would make, and save nothing; body and `If-Match` are those of PATCH."""
    correction = Correction(gateway, caller, job_id, if_match)
    body = await _edits(request, correction)
    return Response(await run_in_threadpool(correction.preview, body.plain()), media_type=schemas.MEDIA_TYPES[LABELS])


async def _edits(request: Request, correction: Correction) -> LabelEdits:
    """Return the edits of a request, once it is known that the correction may be made."""
    await run_in_threadpool(correction.base)
    if media_type(request) != "application/json":
        raise HTTPException(415)
    return await read_json(request, LabelEdits, MOST_EDIT_BYTES)


@router.get("/revisions")
def list_revisions(job_id: str, gateway: GatewayDep, caller: Reader) -> RevisionList:
    """Return the revisions of the result, oldest first; none while the job has no result."""
    with gateway.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        if job.state != "succeeded":
            return RevisionList(items=[])
        by_people = revisions.of_job(connection, job_id)
    return RevisionList(items=[_first(job), *(_view(revision) for revision in by_people)])


def _accepted(correction: Correction, labels: Labels, response: Response, later: BackgroundTasks) -> schemas.Job:
    gateway: Gateway = correction.gateway
    caller: api_keys.Caller = correction.caller
    if labels.revision > 1:
        later.add_task(file_revision, gateway.ledger, gateway.store, correction.job_id, labels.revision)
    response.headers["ETag"] = f'"{labels.artifact.sha256}"'
    response.headers["Retry-After"] = "1"
    with gateway.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, correction.job_id)
        view = job_view(connection, gateway.estimate, job, caller)
    return view.model_copy(update={"revision": labels.revision})


_WRITTEN = ("model.glb", "report.json", "report.pdf")
"""Files of every finished revision."""


def _first(job: jobs.Job) -> Revision:
    return Revision(
        revision=1,
        state="succeeded",
        base=None,
        edited_by=None,
        edited_at=None,
        kinds=[],
        changed=[],
        ended=schemas.time_or_none(job.ended),
        error=None,
        links=_links(job.id, 1, ("labels.nii.gz", *_WRITTEN, *job.offers)),
    )


def _view(revision: revisions.Revision) -> Revision:
    error = {"code": revision.error_code} if revision.error_code else None
    is_done = revision.state == "done"
    names = ("labels.nii.gz", *((*_WRITTEN, *revision.offers) if is_done else ()))
    return Revision.model_validate(
        {
            "revision": revision.number,
            "state": cast(Literal["queued"], _STATES[revision.state]),
            "base": revision.base,
            "edited_by": revision.edit.actor,
            "edited_at": schemas.time_of(revision.created),
            "kinds": revision.edit.kinds,
            "changed": changes(revision.edit.changed),
            "ended": schemas.time_or_none(revision.ended),
            "error": error,
            "links": _links(revision.job_id, revision.number, names),
        }
    )


def _links(job_id: str, number: int, names: tuple[str, ...]) -> dict[str, str]:
    downloads = [name for name in names if name in schemas.MEDIA_TYPES]
    return {name: f"/v1/jobs/{job_id}/{name}?revision={number}" for name in downloads}
