"""Measurements and arrows that people add to a scan and its model. They belong to the job, not to a revision.

Their names may be personal: they are in the ledger alone, erased with the job, and never in logs or messages. The list
as a DICOM report is a file that is written at its first request (`shared.ledger.files`), of no revision: number 0. Its
name has the number of the list's last change, so a change needs no coordination with a worker that writes the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from shared.errors import NotFound, TooMany
from shared.ledger.engine import now
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import file_runs, jobs, measurements, revision_artifacts

Kind = Literal["length", "angle", "area", "probe", "polygon", "arrow"]
Plane = Literal["axial", "coronal", "sagittal", "surface"]
Point = tuple[float, float, float]
MOST = 500
"""Measurements and arrows of one job."""
NO_REVISION = 0
"""The number of files that belong to no revision of a result."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a person drew: points in patient LPS mm, in the plane of the scan's grid that is nearest to `plane`.

    Points of the plane `surface` are on surfaces of the model, in no common plane. A length has its ends, an angle its
    vertex as the second of three points, a value one point. An area is an ellipse: the ends of one diameter, then those
    of the diameter that halves its parallels, as the axes of an ellipse do. A polygon has its corners in order. An
    arrow has the place that it points at, then its other end.
    """

    kind: Kind
    plane: Plane
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """What was measured: a value, its UCUM unit, and the statistics of the voxels in an area by name."""

    value: float
    unit: str
    statistics: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement; `actor` made it at `created` (seconds since 1970), and `number` is that of its last change."""

    id: str
    shape: Shape
    amount: Amount | None
    """None for an arrow, which measures nothing."""
    label: str
    actor: str
    created: float
    number: int


class Changed(Exception):
    """The measurement is not the one that the caller saw."""


def of_job(connection: Connection, job_id: str) -> list[Measurement]:
    """Return the measurements of a job, oldest first."""
    query = select(measurements).where(measurements.c.job_id == job_id)
    return [_measurement(row) for row in connection.execute(query.order_by(measurements.c.created, measurements.c.id))]


def changes(connection: Connection, job_id: str) -> int:
    """Return how often the measurements of a job were changed."""
    return int(connection.execute(select(jobs.c.measured).where(jobs.c.id == job_id)).scalar() or 0)


def put(  # noqa: PLR0917
    connection: Connection,
    job_id: str,
    wanted: str,
    shape: Shape,
    amount: Amount | None,
    label: str,
    actor: str,
    seen: int,
) -> Measurement:
    """Add a measurement, or change the one with the id `wanted` if its number is `seen`.

    The caller has locked the job. The same again changes nothing.

    Raises Changed if it is another one, and TooMany for one more than a job may have.
    """
    before = _get(connection, job_id, wanted)
    if before is not None and (before.shape, before.label) == (shape, label):
        return before
    if before is not None and before.number != seen:
        raise Changed
    if before is None and _count(connection, job_id) >= MOST:
        raise TooMany(f"A job has at most {MOST} measurements.", "quota_measurements")
    values = {
        "kind": shape.kind, "plane": shape.plane, "points": [list(point) for point in shape.points],
        **_columns(amount), "label": label, "number": _next(connection, job_id),
    }  # fmt: skip
    if before is None:
        row = {"job_id": job_id, "id": wanted, "actor": actor, "created": now()}
        connection.execute(insert(measurements).values(**row, **values))
    else:
        connection.execute(update(measurements).where(*_same(job_id, wanted)).values(**values))
    after = _get(connection, job_id, wanted)
    assert after is not None  # noqa: S101 - it was just written
    return after


def remove(connection: Connection, job_id: str, wanted: str) -> None:
    """Remove a measurement of a job that the caller has locked.

    Raises NotFound.
    """
    if not connection.execute(delete(measurements).where(*_same(job_id, wanted))).rowcount:
        raise NotFound("There is no such measurement.")
    _next(connection, job_id)


def report_name(number: int) -> str:
    """Return the name of the DICOM report of the list after its change with this number."""
    return f"measurements.{number}.dcm"


def _next(connection: Connection, job_id: str) -> int:
    """Count a change and return its number; the report of the list before is forgotten."""
    changed = update(jobs).where(jobs.c.id == job_id).values(measured=jobs.c.measured + 1).returning(jobs.c.measured)
    number = int(connection.execute(changed).scalar_one())
    of_reports = (revision_artifacts.c.job_id == job_id) & (revision_artifacts.c.revision == NO_REVISION)
    for key in connection.execute(select(revision_artifacts.c.key).where(of_reports)).scalars().all():
        schedule_delete(connection, key.rpartition("/")[0] + "/")
    connection.execute(delete(revision_artifacts).where(of_reports))
    # A worker that writes it loses its claim with the row, and deletes its bytes.
    connection.execute(delete(file_runs).where(file_runs.c.job_id == job_id, file_runs.c.revision == NO_REVISION))
    return number


def _columns(amount: Amount | None) -> dict[str, Any]:
    if amount is None:
        return {"value": None, "unit": None, "statistics": None}
    return {"value": amount.value, "unit": amount.unit, "statistics": amount.statistics and dict(amount.statistics)}


def _same(job_id: str, wanted: str) -> tuple[Any, Any]:
    return measurements.c.job_id == job_id, measurements.c.id == wanted


def _get(connection: Connection, job_id: str, wanted: str) -> Measurement | None:
    row = connection.execute(select(measurements).where(*_same(job_id, wanted))).first()
    return None if row is None else _measurement(row)


def _count(connection: Connection, job_id: str) -> int:
    return connection.execute(select(func.count()).where(measurements.c.job_id == job_id)).scalar_one()


def _measurement(row: Row[Any]) -> Measurement:
    points = tuple((float(x), float(y), float(z)) for x, y, z in row.points)
    return Measurement(
        id=row.id,
        shape=Shape(row.kind, row.plane, points),
        amount=None if row.value is None else Amount(row.value, row.unit, row.statistics),
        label=row.label,
        actor=row.actor,
        created=row.created,
        number=row.number,
    )
