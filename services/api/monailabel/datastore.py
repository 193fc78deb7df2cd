"""/monailabel/datastore: images and labels, which are jobs and revisions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.api import schemas
from services.api.bounds import takes_body
from services.api.gateway import Gateway, GatewayDep, Reader, Writer
from services.api.monailabel import forms, labels
from services.api.monailabel.images import ImageId, find, label_names, listed, reader_of_image, totals
from services.api.monailabel.service import PREFIX
from services.api.routes.jobs import change_job
from services.api.routes.slices import get_volume
from services.api.submissions import JobSubmission
from services.api.volumes import organs_of
from shared.errors import Unprocessable
from shared.ledger import api_keys, descriptions, jobs, revisions
from shared.ledger.revisions import LABELS
from shared.operations.manifests import file_revision

router = APIRouter(prefix=f"{PREFIX}/datastore", include_in_schema=False)
Json = dict[str, Any]
Tag = Annotated[str, Query(max_length=64)]
ImageReader = Annotated[api_keys.Caller, Depends(reader_of_image)]
NAME_LENGTH = 200


@router.get("/")
def list_images(gateway: GatewayDep, caller: Reader, output: Annotated[str, Query(max_length=16)] = "stats") -> Json:
    """Return how many images there are; with `output=all` each of the newest 200 with its labels."""
    if output != "all":
        return totals(gateway, caller)
    return {"name": "Viscera", "objects": {job.id: _object(gateway, caller, job) for job, _ in listed(gateway, caller)}}


def _object(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job) -> Json:
    with gateway.reading(caller) as connection:
        files, current = jobs.published(connection, job.id), revisions.current(connection, job.id)
    organs = organs_of(gateway.store, files)
    tags = {"original": labels.describe(organs, revisions.Labels(1, files[LABELS]))}
    if current.revision > 1:
        tags["final"] = labels.describe(organs, current)
    return {"image": {"ext": ".nii.gz", "info": _info(job)}, "labels": tags}


def _info(job: jobs.Job) -> Json:
    return {"name": f"{job.id}.nii.gz", "ts": int(job.created)}


@router.head("/image")
@router.get("/image")
def get_image(request: Request, gateway: GatewayDep, caller: ImageReader, image: ImageId = "") -> Response:
    """Return the scan as NIfTI, without personal data."""
    with gateway.reading(caller) as connection:
        job = find(connection, caller, image)
    request.state.object = job.id
    return get_volume(job.id, request, gateway, caller)


@router.get("/image/info")
def get_image_info(image: ImageId, request: Request, gateway: GatewayDep, caller: Reader) -> Json:
    """Return what is known about an image."""
    with gateway.reading(caller) as connection:
        job = find(connection, caller, image)
    request.state.object = job.id
    return _info(job)


@router.put("/")
@router.put("/image")
@takes_body(None)
async def put_image(request: Request, gateway: GatewayDep, caller: Writer, image: ImageId = "") -> Json:
    """Take a scan, start a job on it, and give the job the name under which the client knows the image."""
    with gateway.limits.upload(caller.tenant):
        async with forms.received(request, gateway) as form:
            job = await submit(gateway, caller, form, "file")
    if image:
        await run_in_threadpool(_set_name, gateway, caller, job.id, image[:NAME_LENGTH])
    return {"image": image or job.id, "job": job.id}


async def submit(gateway: Gateway, caller: api_keys.Caller, form: forms.Form, field: str) -> jobs.Job:
    """Start a job on the file of a form."""
    upload = await run_in_threadpool(form.upload, field)
    submission = JobSubmission(gateway, caller, None, schemas.Options(), "monailabel")
    return await submission.submit_upload(upload)


def _set_name(gateway: Gateway, caller: api_keys.Caller, job_id: str, name: str) -> None:
    with gateway.writing(caller) as connection:
        jobs.lock(connection, job_id)
        jobs.get(connection, caller.tenant, job_id)
        descriptions.describe(connection, job_id, name=name)


@router.head("/label")
@router.get("/label")
def get_label(
    label: ImageId,
    request: Request,
    gateway: GatewayDep,
    caller: Reader,
    tag: Tag = "",
    result_extension: Annotated[str, Query(max_length=16)] = ".nii.gz",
) -> Response:
    """Return a label map of an image by its tag: `original` is the algorithm's, `final` one that a person saved."""
    suffix = suffix_of(result_extension)
    job, artifact, _ = labels.outlines(gateway, caller, label, tag)
    request.state.object = job.id
    content, _ = labels.encode(gateway, artifact, suffix)
    headers = {"Content-Disposition": f'attachment; filename="labels{suffix}"', "Cache-Control": "private, no-cache"}
    return Response(content, 200, headers, labels.SUFFIXES[suffix])


def suffix_of(text: Any) -> str:
    """Return the suffix of a format that is written here.

    Raises Unprocessable.
    """
    if text not in labels.SUFFIXES:
        raise Unprocessable(f"Labels are written as {' or '.join(labels.SUFFIXES)}.", "unsupported_labels")
    return str(text)


@router.get("/label/info")
def get_label_info(label: ImageId, request: Request, gateway: GatewayDep, caller: Reader, tag: Tag = "") -> Json:
    """Return the names and values of an image's labels."""
    job, _, organs = labels.outlines(gateway, caller, label, tag)
    request.state.object = job.id
    return {"params": {"label_names": label_names(organs)}}


@router.put("/label")
@takes_body(None)
async def put_label(
    request: Request,
    gateway: GatewayDep,
    caller: Writer,
    later: BackgroundTasks,
    image: ImageId,
    tag: Tag = "",
) -> Json:
    """Save corrected outlines of an image as the next revision of its job, and accept the job's result."""
    del tag  # whatever a client saves is final
    with gateway.limits.upload(caller.tenant):
        async with forms.received(request, gateway) as form:
            upload = await run_in_threadpool(form.upload, "label")
            label_info = form.parameters().get("label_info")
            correction = await run_in_threadpool(labels.correction, gateway, caller, image, label_info)
            saved = await run_in_threadpool(correction.make, upload.path, (), ("labels",))
    await run_in_threadpool(change_job, correction.job_id, schemas.JobChange(review="accepted"), gateway, caller)
    if saved.revision > 1:
        later.add_task(file_revision, gateway.ledger, gateway.store, correction.job_id, saved.revision)
    return {"image": image, "label": correction.job_id, "revision": saved.revision}
