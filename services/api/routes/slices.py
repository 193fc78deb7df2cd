"""/v1/jobs/{id}/slices/{n}.png and volume.nii.gz: the scan as pictures and as a volume, without personal data."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.api.early import StoredPart, parts_of_slice, slice_labels
from services.api.gateway import Gateway, GatewayDep, Reader
from services.api.schemas import RevisionNumber
from services.api.views import missing_file
from services.api.volumes import StoredVolume, label_map, organs_of
from shared import artifacts
from shared.imaging.pictures import slice_png
from shared.ledger import api_keys, jobs, revisions

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "The slice."}}
_NIFTI: dict[int | str, dict[str, Any]] = {200: {"content": {"application/gzip": {}}, "description": "The volume."}}
Number = Annotated[int, Path(ge=0, le=1_000_000)]
Window = Annotated[float | None, Query(gt=-1e6, lt=1e6)]
Width = Annotated[float | None, Query(gt=0.0, lt=1e6)]


@router.head("/slices/{number}.png", include_in_schema=False, response_class=Response)
@router.get("/slices/{number}.png", response_class=Response, responses=_PNG)
def get_slice(
    job_id: str,
    number: Number,
    request: Request,
    gateway: GatewayDep,
    caller: Reader,
    overlay: bool = False,
    center: Window = None,
    width: Width = None,
    revision: RevisionNumber = None,
) -> Response:
    """Return one slice of the scan, counted from 0 along the label map's third axis; `overlay=1` draws the organs'
    outlines, and before the label map is complete those that the segmenter shows early.

    The patient's left is on the right. `center` and `width` choose the window in the scan's units. The outlines are
    those of the `revision`, by default of the newest finished one.
    """
    job, files = _files(gateway, caller, job_id)
    volume = files.get(artifacts.VOLUME)
    labels = _outlines(gateway, caller, job, revision) if overlay else None
    parts = _early(gateway, caller, job_id, number) if overlay and labels is None else []
    if volume is None or (overlay and labels is None and not parts):
        raise missing_file(job, "slices yet" if volume is None else "outlines")
    outlined = labels.sha256[:24] if labels else "-".join(f"{each.part.attempt}.{each.part.number}" for each in parts)
    etag = f'"{volume.sha256[:24]}-{outlined}-{number}-{center}-{width}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    window = None if center is None or width is None else (center, width)
    stored = StoredVolume.open(gateway.store, volume)
    pixels = stored.slice(number)
    outlines = None if labels is None else label_map(gateway.store, labels).data[number]
    if parts:
        outlines = slice_labels(parts, number, stored.geometry.shape)
    png = slice_png(
        pixels,
        stored.geometry.affine,
        modality=stored.modality,
        labels=outlines,
        organs=organs_of(gateway.store, files),
        window=window,
    )
    return Response(png, 200, headers, "image/png")


@router.head("/volume.nii.gz", include_in_schema=False, response_class=Response)
@router.get("/volume.nii.gz", response_class=StreamingResponse, responses=_NIFTI)
def get_volume(job_id: str, request: Request, gateway: GatewayDep, caller: Reader) -> Response:
    """Return the scan as gzipped NIfTI on its own grid, without personal data."""
    job, files = _files(gateway, caller, job_id)
    if artifacts.VOLUME not in files:
        raise missing_file(job, "volume")
    headers = {"Content-Disposition": 'attachment; filename="volume.nii.gz"', "Cache-Control": "private, no-cache"}
    if request.method == "HEAD":
        return Response(None, 200, headers, "application/gzip")
    stored = StoredVolume.open(gateway.store, files[artifacts.VOLUME])
    return StreamingResponse(stored.nifti(), 200, headers, "application/gzip")


def _early(gateway: Gateway, caller: api_keys.Caller, job_id: str, number: int) -> list[StoredPart]:
    with gateway.reading(caller) as connection:
        return parts_of_slice(connection, job_id, number)


def _outlines(gateway: Gateway, caller: api_keys.Caller, job: jobs.Job, revision: int | None) -> jobs.Artifact | None:
    number = revision or job.revision
    with gateway.reading(caller) as connection:
        if number > 1:
            revisions.get(connection, job.id, number)
        return jobs.published(connection, job.id, number).get(artifacts.LABELS)


def _files(gateway: Gateway, caller: api_keys.Caller, job_id: str) -> tuple[jobs.Job, dict[str, jobs.Artifact]]:
    with gateway.reading(caller) as connection:
        return jobs.get(connection, caller.tenant, job_id), jobs.published(connection, job_id)
