"""/v1/jobs/{id}/views: views of the model that people save under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.api import schemas
from services.api.gateway import GatewayDep, Reader, Writer
from services.api.routes.measurements import CHANGED, Identifier, IfMatch, Point, seen_number
from shared.errors import PreconditionFailed
from shared.ledger import audit, jobs, saved_views
from shared.ledger.saved_views import SavedView

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["views"])
Axis = Literal["axial", "coronal", "sagittal"]
Part = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


def _whole(value: object) -> object:
    """JSON has one kind of number: 72.0 is the integer 72, which pydantic's strict mode does not know."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Label = Annotated[int, Field(strict=True, ge=1, le=65535), BeforeValidator(_whole)]


class Cut(BaseModel):
    """A cut through the model, at a part (0 to 1) of its extent from the feet, the back or the patient's right."""

    model_config = ConfigDict(extra="forbid")

    axis: Axis
    part: Part


class Opacity(BaseModel):
    """How an organ is shown that is not fully shown; 0 is hidden."""

    model_config = ConfigDict(extra="forbid")

    label: Label
    opacity: Part


class Look(BaseModel):
    """What a view shows. `camera` and its `target` are places in the patient, LPS mm; the head is up.

    `opacities` has the organs that are hidden or translucent; organs that it does not have are fully shown. `apart` is
    how far the organs are moved apart, 0 as they lie. `plane` is that of the slice in the model, `place` the place that
    the slices show.
    """

    model_config = ConfigDict(extra="forbid")

    camera: Point
    target: Point
    opacities: Annotated[list[Opacity], Field(max_length=1000)] = []
    xray: Annotated[bool, Field(strict=True)] = False
    apart: Part = 0.0
    cut: Cut | None = None
    plane: Axis | None = None
    place: Point | None = None


class ViewRequest(BaseModel):
    """A view and its name of 1 to 100 characters, on one line."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
    look: Look


class ViewOfModel(ViewRequest):
    """A saved view. `saved_by` is the key or subject, as in the audit trail; `etag` is what `If-Match` names."""

    id: str
    saved_by: str
    saved_at: datetime
    etag: str


class ViewList(BaseModel):
    """The views of a job, oldest first."""

    items: list[ViewOfModel]


@router.get("/views")
def list_views(job_id: str, gateway: GatewayDep, caller: Reader) -> ViewList:
    """Return the saved views of the model; also the guest of a share link of this job sees them."""
    with gateway.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        return ViewList(items=[_view(one) for one in saved_views.of_job(connection, job_id)])


@router.put("/views/{view_id}", responses=CHANGED)
def put_view(
    job_id: str,
    view_id: Identifier,
    body: ViewRequest,
    gateway: GatewayDep,
    caller: Writer,
    if_match: IfMatch = None,
) -> ViewOfModel:
    """Save a view under an id that the client chooses, or change the one that has the ETag in `If-Match`.

    The same request again changes nothing. 412 where the view is another one by now. A job has at most 100 views.
    """
    number = seen_number(if_match)
    try:
        with gateway.writing(caller) as connection:
            jobs.lock(connection, job_id)
            jobs.get(connection, caller.tenant, job_id)
            look = body.look.model_dump(mode="json")
            after = saved_views.put(connection, job_id, view_id, body.name, look, caller.key_id, number)
            audit.record(connection, caller.tenant, caller.key_id, "save_view", job_id)
    except saved_views.Changed as error:
        detail = "The view is another one than you saw; list the views to see it."
        raise PreconditionFailed(detail, "view_changed") from error
    return _view(after)


@router.delete("/views/{view_id}", status_code=204)
def delete_view(job_id: str, view_id: Identifier, gateway: GatewayDep, caller: Writer) -> None:
    """Delete a saved view."""
    with gateway.writing(caller) as connection:
        jobs.lock(connection, job_id)
        jobs.get(connection, caller.tenant, job_id)
        saved_views.remove(connection, job_id, view_id)
        audit.record(connection, caller.tenant, caller.key_id, "delete_view", job_id)


def _view(one: SavedView) -> ViewOfModel:
    return ViewOfModel(
        name=one.name,
        look=Look.model_validate(one.look),
        id=one.id,
        saved_by=one.actor,
        saved_at=schemas.time_of(one.created),
        etag=f'"{one.number}"',
    )
