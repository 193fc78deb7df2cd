"""/v1/jobs/{id}/early: outlines of the slices that are finished while the segmenter still works."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from services.api import schemas
from services.api.gateway import GatewayDep, Reader
from shared.ledger import early, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}/early", tags=["jobs"])
_ATTEMPT = "The part's own; numbers begin again with each."
_NIFTI: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/gzip": {}}, "description": "The labels."},
    204: {"description": "The part is not there, or no longer: the label map is complete, or a new attempt began."},
}


@router.get("")
def list_early(job_id: str, gateway: GatewayDep, caller: Reader) -> schemas.EarlyOutlines:
    """Return which slices are finished so far, and have the segmenter show more of them for the next 15 seconds.

    The list is empty before the first slices are finished, for a model that reads volumes, and once the label map is
    complete.
    """
    with gateway.writing(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        if job.state in jobs.OPEN:
            early.look(connection, job_id)
        return schemas.EarlyOutlines(
            parts=[schemas.early_part(job_id, part) for part in early.parts(connection, job_id)]
        )


@router.get("/{number}.nii.gz", response_class=Response, responses=_NIFTI)
def get_early(
    job_id: str,
    number: Annotated[int, Path(ge=0, le=1_000_000)],
    gateway: GatewayDep,
    caller: Reader,
    attempt: Annotated[int | None, Query(ge=1, le=2**31 - 1, description=_ATTEMPT)] = None,
) -> Response:
    """Return a part as a NIfTI label map with the affine of its slices; 204 where there is none any more.

    Small islands are not yet removed: `labels.nii.gz` can differ. That a part is gone is no error: it is deleted in the
    moment when the label map is complete, and whoever has just read of it can't know.
    """
    with gateway.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        data = early.read(connection, job_id, number, attempt)
    if data is None:
        return Response(None, 204)
    return Response(data, 200, {"Cache-Control": "no-store"}, "application/gzip")
