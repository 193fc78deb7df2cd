"""Stored DICOM instances, and the series that become jobs. Every function takes the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from shared.errors import NotFound
from shared.ledger import audit, dicom_workitems, jobs
from shared.ledger.dicom_tables import instances, results, series, series_jobs, studies
from shared.ledger.engine import insert, now
from shared.ledger.history import record
from shared.ledger.ids import new_id

SUITED = ("MR", "CT")
_IMAGES = (
    "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2",
    "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instance:
    """A stored instance: its UIDs, how it is encoded, and where in its file the pixels lie (-1 long: encapsulated)."""

    id: str
    study: str
    series: str
    uid: str
    sop_class: str
    syntax: str
    sha256: str
    bytes: int
    pixel_offset: int
    pixel_length: int
    number: int = 0
    rows: int = 0
    columns: int = 0
    frames: int = 0
    image_type: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What searches ask of an instance's study and series: DICOM JSON attributes, and plain texts to match."""

    study: dict[str, Any]
    series: dict[str, Any]
    modality: str
    patient_id: str
    patient_name: str
    accession: str
    study_date: str


@dataclass(frozen=True, slots=True)
class Series:
    """A stored series; `state` is open, closed or unsuited, the latter for a `reason`."""

    id: str
    tenant: str
    study: str
    uid: str
    modality: str
    state: str
    reason: str | None
    attempt: int
    touched: float
    instances: int


def known(connection: Connection, tenant: str, uids: list[str]) -> dict[str, str]:
    """SHA-256 of those of the instances that the tenant has stored."""
    found: dict[str, str] = {}
    for start in range(0, len(uids), 500):
        where = (instances.c.tenant == tenant) & instances.c.uid.in_(uids[start : start + 500])
        found |= {row.uid: row.sha256 for row in connection.execute(select(instances).where(where))}
    return found


def add(connection: Connection, tenant: str, instance: Instance, about: About, *, result_of: str | None = None) -> bool:
    """Records an instance whose bytes are durable; False if the tenant had it before. Source series open again."""
    study = _study(connection, tenant, instance.study, about)
    parent = _series(connection, tenant, study, instance.series, about, open_=result_of is None)
    values = {name: getattr(instance, name) for name in Instance.__slots__ if name not in ("study", "series")}
    statement = insert(connection, instances).values(tenant=tenant, series=parent, created=now(), **values)
    if connection.execute(statement.on_conflict_do_nothing().returning(instances.c.id)).first() is None:
        return False
    if result_of is None:
        again = (series.c.id == parent) & (series.c.state != "result")
        connection.execute(update(series).where(again).values(state="open", reason=None, touched=now()))
    else:
        connection.execute(insert(connection, results).values(instance=instance.id, job_id=result_of))
    return True


def _study(connection: Connection, tenant: str, uid: str, about: About) -> str:
    values = {
        "attributes": about.study, "patient_id": about.patient_id, "patient_name": about.patient_name,
        "accession": about.accession, "study_date": about.study_date,
    }  # fmt: skip
    statement = insert(connection, studies).values(id=new_id("study"), tenant=tenant, uid=uid, created=now(), **values)
    connection.execute(statement.on_conflict_do_nothing())
    found = select(studies.c.id).where(studies.c.tenant == tenant, studies.c.uid == uid)
    return str(connection.execute(found).scalar_one())


def _series(connection: Connection, tenant: str, study: str, uid: str, about: About, *, open_: bool) -> str:
    statement = insert(connection, series).values(
        id=new_id("series"), study=study, tenant=tenant, uid=uid, modality=about.modality,
        attributes=about.series, state="open" if open_ else "result", attempt=0, touched=now(), created=now(),
    )  # fmt: skip
    connection.execute(statement.on_conflict_do_nothing())
    found = select(series.c.id).where(series.c.study == study, series.c.uid == uid)
    return str(connection.execute(found).scalar_one())


def list_series(
    connection: Connection, tenant: str | None, *, quiet: float | None = None, uid: str | None = None, limit: int = 200
) -> list[Series]:
    """Series, newest first: a tenant's, or of all those that are open and got nothing for `quiet` seconds."""
    count = select(func.count()).where(instances.c.series == series.c.id).scalar_subquery()
    query = select(
        series.c.id, series.c.tenant, studies.c.uid.label("study"), series.c.uid, series.c.modality, series.c.state,
        series.c.reason, series.c.attempt, series.c.touched, count.label("instances"),
    ).join(studies, studies.c.id == series.c.study)  # fmt: skip
    if tenant is not None:
        query = query.where(series.c.tenant == tenant)
    if uid is not None:
        query = query.where(series.c.uid == uid)
    if quiet is not None:
        query = query.where(series.c.state == "open", series.c.touched <= now() - quiet)
    rows = connection.execute(query.order_by(series.c.created.desc()).limit(limit))
    return [Series(**row._mapping) for row in rows]


def images(connection: Connection, series_id: str) -> tuple[list[str], str | None]:
    """The instances of a series that make up a volume, or none and the reason why it is stored only."""
    columns = instances.c
    query = select(columns.id, columns.sop_class, columns.frames, columns.image_type).where(columns.series == series_id)
    rows = connection.execute(query.order_by(columns.number, columns.uid)).all()
    pictures = [row for row in rows if row.sop_class in _IMAGES]
    if not pictures:
        return [], "not_mr_or_ct_images"
    shown = [row for row in pictures if "LOCALIZER" not in row.image_type]
    if not shown:
        return [], "localizer"
    original = [row for row in shown if not row.image_type.startswith("DERIVED")]
    if not original:
        return [], "derived"
    if sum(max(row.frames, 1) for row in original) < 2:
        return [], "too_few_slices"
    return [str(row.id) for row in original], None


def set_aside(connection: Connection, found: Series, reason: str) -> bool:
    """Notes that a series is stored but not run; False if it changed meanwhile."""
    return _moved(connection, found, {"state": "unsuited", "reason": reason})


def start(
    connection: Connection, found: Series, scan: jobs.Scan, count: int, *, seconds: float, patience: float
) -> str | None:
    """Closes a series and starts its next attempt's job on it, at once or not at all; None if it changed meanwhile."""
    attempt = found.attempt + 1
    if not _moved(connection, found, {"state": "closed", "reason": None, "attempt": attempt}):
        return None
    jobs.add_scan(connection, found.tenant, scan)
    options = {"quality": "standard"}
    job_id = jobs.create(connection, found.tenant, scan.id, options, seconds=seconds, patience=patience)
    values = {"job_id": job_id, "series": found.id, "attempt": attempt, "instances": count, "published": 0}
    connection.execute(insert(connection, series_jobs).values(**values))
    dicom_workitems.describe(connection, job_id, _step(connection, found))
    record(connection, job_id, "series_attempt", {"attempt": attempt, "instances": count})
    return job_id


def _step(connection: Connection, found: Series) -> dict[str, Any]:
    """What the worklist tells of a series' job beside its state: whose it is, and which series it works on."""
    held = connection.execute(select(studies.c.attributes).join(series).where(series.c.id == found.id)).scalar_one()
    patient = ("00080050", "00080090", "00100010", "00100020", "00100021", "00100030", "00100040", "0020000D")
    reference = {
        "0020000D": {"vr": "UI", "Value": [found.study]},
        "0020000E": {"vr": "UI", "Value": [found.uid]},
        "0040E020": {"vr": "CS", "Value": ["DICOM"]},
    }
    return {tag: held[tag] for tag in patient if tag in held} | {
        "00404021": {"vr": "SQ", "Value": [reference]},
    }


def _moved(connection: Connection, found: Series, values: dict[str, Any]) -> bool:
    same = (series.c.id == found.id) & (series.c.state == "open") & (series.c.touched == found.touched)
    return connection.execute(update(series).where(same).values(**values)).rowcount == 1


def attempts(connection: Connection, series_ids: list[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Of each series its (job, attempt, instances), first attempt first."""
    query = select(series_jobs).where(series_jobs.c.series.in_(series_ids)).order_by(series_jobs.c.attempt)
    found: dict[str, list[tuple[str, int, int]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.series, []).append((row.job_id, row.attempt, row.instances))
    return found


def erase_of_job(connection: Connection, job_id: str) -> None:
    """Removes a job's result instances and, if no other attempt needs them, its series' instances; dooms their bytes.

    A study without series goes with everything personal it held.
    """
    gone = list(connection.execute(select(results.c.instance).where(results.c.job_id == job_id)).scalars())
    parent = connection.execute(select(series_jobs.c.series).where(series_jobs.c.job_id == job_id)).scalar()
    if parent is not None:
        others = (series_jobs.c.series == parent) & (series_jobs.c.job_id != job_id)
        if not connection.execute(select(func.count()).where(others)).scalar_one():
            gone += connection.execute(select(instances.c.id).where(instances.c.series == parent)).scalars()
    erase(connection, gone)


def erase_study(connection: Connection, tenant: str, uid: str, actor: str) -> list[str]:
    """Removes a study, its jobs and everything they made; returns the doomed store prefixes. Raises NotFound."""
    mine = (studies.c.tenant == tenant) & (studies.c.uid == uid)
    inside = select(series.c.id).join(studies, studies.c.id == series.c.study).where(mine)
    made = connection.execute(select(series_jobs.c.job_id).where(series_jobs.c.series.in_(inside))).scalars().all()
    held = list(connection.execute(select(instances.c.id).where(instances.c.series.in_(inside))).scalars())
    if not held:
        raise NotFound("There is no such study.")
    prefixes = [prefix for job_id in made for prefix in jobs.erase(connection, tenant, job_id, actor)]
    erase(connection, held)
    audit.record(connection, tenant, actor, "delete", uid)
    return prefixes + [f"dicom/{instance}/" for instance in held]


def erase(connection: Connection, ids: list[str]) -> None:
    """Removes instances, the series and studies they leave empty, and dooms the bytes."""
    for instance in ids:
        connection.execute(delete(instances).where(instances.c.id == instance))
        jobs.doom(connection, f"dicom/{instance}/")
    if ids:
        filled = select(instances.c.series)
        connection.execute(delete(series).where(series.c.id.not_in(filled)))
        connection.execute(delete(studies).where(studies.c.id.not_in(select(series.c.study))))
