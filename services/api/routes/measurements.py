"""/v1/jobs/{id}/measurements: what people measure on the scan of a job, as JSON and as a DICOM report."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader, Writer
from services.api.measuring import measure
from services.api.on_request import FileToWrite
from services.api.routes.results import FILE, FileContent, answer_file, dicom_content
from services.api.views import missing_file
from services.api.volumes import StoredVolume
from shared import artifacts
from shared.errors import Conflict, NotFound, PreconditionFailed, Unprocessable
from shared.ledger import api_keys, audit, jobs, measurements
from shared.ledger.measurements import Amount, Kind, Measurement, Plane, Shape

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["measurements"])
REPORT = "measurements.dcm"
Millimetre = Annotated[float, Field(strict=True, ge=-1e5, le=1e5, allow_inf_nan=False)]
Point = tuple[Millimetre, Millimetre, Millimetre]
Identifier = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{8,40}$")]
IfMatch = Annotated[str | None, Header(max_length=100)]
CHANGED: dict[int | str, dict[str, Any]] = {
    412: {"model": schemas.Problem, "content": {"application/problem+json": {}}},
}


class MeasurementRequest(BaseModel):
    """What was drawn: `points` in the patient, LPS mm as in DICOM, and the plane of the scan's grid nearest to `plane`.

    The plane `surface` means points on surfaces of the model. A length has its two ends, an angle three points with its
    vertex second, a probe one point. An area is an ellipse: the ends of its one axis, then those of the other. A
    polygon, on surfaces only, has 3 to 50 corners. An arrow, on surfaces only, has the place that it points at and its
    other end, and a `label`. `label` is a name of at most 200 characters, on one line.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    plane: Plane
    points: Annotated[list[Point], Field(min_length=1, max_length=50)]
    label: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""

    def shape(self) -> Shape:
        """Return the shape as a ledger record."""
        return Shape(self.kind, self.plane, tuple(self.points))


class Statistics(BaseModel):
    """Of the voxels with their centres in an area, in the slice through its middle, in the scan's own numbers."""

    mean: float
    deviation: float
    least: float
    most: float
    voxels: int


class MeasurementView(MeasurementRequest):
    """A measurement as the service computed it from its points and the scan; `unit` is UCUM.

    `value` is a length in mm, an angle in deg, an area in cm2, or the scan's value at the point; an arrow has neither
    value nor unit. `measured_by` is the key or subject, as in the audit trail. `etag` is what `If-Match` names to
    change it.
    """

    id: str
    value: float | None
    unit: str | None
    statistics: Statistics | None
    measured_by: str
    measured_at: datetime
    etag: str


class MeasurementList(BaseModel):
    """The measurements of a job, oldest first."""

    items: list[MeasurementView]


@router.get("/measurements")
def list_measurements(job_id: str, gateway: GatewayDep, caller: Reader) -> MeasurementList:
    """Return what people measured on the scan; also the guest of a share link of this job sees it."""
    with gateway.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        return MeasurementList(items=[_view(one) for one in measurements.of_job(connection, job_id)])


@router.put("/measurements/{measurement_id}", responses=CHANGED)
def put_measurement(
    job_id: str,
    measurement_id: Identifier,
    body: MeasurementRequest,
    gateway: GatewayDep,
    caller: Writer,
    if_match: IfMatch = None,
) -> MeasurementView:
    """Add a measurement under an id that the client chooses, or change one that has the ETag in `If-Match`.

    The same request again changes nothing. A value is computed here from the points and the scan. 412 where the
    measurement is another one by now, 409 while the scan is not read yet. A job has at most 500 measurements.
    """
    shape = body.shape()
    if shape.kind == "arrow" and not body.label.strip():
        raise Unprocessable("An arrow has a text: send it as `label`.", "bad_measurement")
    amount = _amount(gateway, caller, job_id, shape)
    number = seen_number(if_match)
    try:
        with gateway.writing(caller) as connection:
            jobs.lock(connection, job_id)
            jobs.get(connection, caller.tenant, job_id)
            after = measurements.put(
                connection, job_id, measurement_id, shape, amount, body.label, caller.key_id, number
            )
            audit.record(connection, caller.tenant, caller.key_id, "measure", job_id)
    except measurements.Changed as error:
        detail = "The measurement is another one than you saw; list the measurements to see it."
        raise PreconditionFailed(detail, "measurement_changed") from error
    return _view(after)


@router.delete("/measurements/{measurement_id}", status_code=204)
def delete_measurement(job_id: str, measurement_id: Identifier, gateway: GatewayDep, caller: Writer) -> None:
    """Delete a measurement."""
    with gateway.writing(caller) as connection:
        jobs.lock(connection, job_id)
        jobs.get(connection, caller.tenant, job_id)
        measurements.remove(connection, job_id, measurement_id)
        audit.record(connection, caller.tenant, caller.key_id, "delete_measurement", job_id)


@router.head("/measurements.dcm", include_in_schema=False, response_class=Response)
@router.get("/measurements.dcm", response_class=Response, responses=FILE)
async def get_measurement_report(job_id: str, request: Request, gateway: GatewayDep, caller: Reader) -> Response:
    """Return the measurements as a DICOM structured report (TID 1500), in the study of the scan; arrows are not in it.

    It is written at its first request after a change. 404 `not_dicom` where the scan was not DICOM, 409
    `no_measurements` where there is none.
    """
    return await answer_file(
        request, gateway, caller, job_id, (REPORT, REPORT), partial(_find, gateway, caller, job_id)
    )


def seen_number(if_match: str | None) -> int:
    """Return the number that `If-Match` names, 0 where it names none."""
    seen = (if_match or "").strip().strip('"')
    return int(seen) if seen.isascii() and seen.isdecimal() else 0


def _find(gateway: Gateway, caller: api_keys.Caller, job_id: str) -> FileContent | FileToWrite:
    with gateway.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        scan = jobs.get_scan(connection, caller.tenant, job.scan_id)
        has_any = any(one.amount for one in measurements.of_job(connection, job_id))
        name = measurements.report_name(measurements.changes(connection, job_id))
        artifact = jobs.published(connection, job_id, measurements.NO_REVISION).get(name)
    if scan.format != "dicom":
        raise NotFound(f"The scan was not DICOM: there is no {REPORT}.", "not_dicom")
    if not has_any:
        raise Conflict("Nobody measured anything on this scan.", "no_measurements")
    if artifact is None:
        return FileToWrite(name, measurements.NO_REVISION)
    return dicom_content(gateway, caller, scan, artifact)


def _amount(gateway: Gateway, caller: api_keys.Caller, job_id: str, shape: Shape) -> Amount | None:
    with gateway.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        volume = jobs.published(connection, job_id).get(artifacts.VOLUME)
    if volume is None:
        raise missing_file(job, "volume")
    return measure(shape, StoredVolume.open(gateway.store, volume))


def _view(one: Measurement) -> MeasurementView:
    return MeasurementView(
        kind=one.shape.kind,
        plane=one.shape.plane,
        points=list(one.shape.points),
        label=one.label,
        id=one.id,
        value=one.amount.value if one.amount else None,
        unit=one.amount.unit if one.amount else None,
        statistics=Statistics.model_validate(one.amount.statistics) if one.amount and one.amount.statistics else None,
        measured_by=one.actor,
        measured_at=schemas.time_of(one.created),
        etag=f'"{one.number}"',
    )
