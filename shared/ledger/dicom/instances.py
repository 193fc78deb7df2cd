"""Stored DICOM instances and the studies and series they belong to. Every function takes the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from shared.ledger.dicom.tables import instances, results, series, series_jobs, studies
from shared.ledger.engine import insert, now
from shared.ledger.ids import new_id
from shared.ledger.pending_deletes import schedule_delete


@dataclass(frozen=True, slots=True)
class Instance:
    """A stored instance: its UIDs, its encoding, and where its pixels are in the file (length -1: encapsulated)."""

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
    """Searchable attributes of an instance's study and series: DICOM JSON, and plain texts to match."""

    study: dict[str, Any]
    series: dict[str, Any]
    modality: str
    patient_id: str
    patient_name: str
    accession: str
    study_date: str


@dataclass(frozen=True, slots=True)
class Known:
    """A stored instance: its id, SHA-256 and transfer syntax."""

    id: str
    sha256: str
    syntax: str


def known(connection: Connection, tenant: str, uids: list[str]) -> dict[str, Known]:
    """Return those instances that the tenant has stored, by UID."""
    stored: dict[str, Known] = {}
    for start in range(0, len(uids), 500):
        where = (instances.c.tenant == tenant) & instances.c.uid.in_(uids[start : start + 500])
        rows = connection.execute(select(instances).where(where))
        stored |= {row.uid: Known(row.id, row.sha256, row.syntax) for row in rows}
    return stored


def add(
    connection: Connection,
    tenant: str,
    instance: Instance,
    about: About,
    *,
    result_of: str | None = None,
    revision: int = 1,
) -> bool:
    """Record an instance whose bytes are durable; return False if the tenant already has it.

    A source series becomes open again. An instance of a result belongs to one `revision` of it.
    """
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
        connection.execute(
            insert(connection, results).values(instance=instance.id, job_id=result_of, revision=revision)
        )
    return True


def _study(connection: Connection, tenant: str, uid: str, about: About) -> str:
    values = {
        "attributes": about.study, "patient_id": about.patient_id, "patient_name": about.patient_name,
        "accession": about.accession, "study_date": about.study_date,
    }  # fmt: skip
    statement = insert(connection, studies).values(id=new_id("study"), tenant=tenant, uid=uid, created=now(), **values)
    connection.execute(statement.on_conflict_do_nothing())
    query = select(studies.c.id).where(studies.c.tenant == tenant, studies.c.uid == uid)
    return str(connection.execute(query).scalar_one())


def _series(connection: Connection, tenant: str, study: str, uid: str, about: About, *, open_: bool) -> str:
    statement = insert(connection, series).values(
        id=new_id("series"), study=study, tenant=tenant, uid=uid, modality=about.modality,
        attributes=about.series, state="open" if open_ else "result", attempt=0, touched=now(), created=now(),
    )  # fmt: skip
    connection.execute(statement.on_conflict_do_nothing())
    query = select(series.c.id).where(series.c.study == study, series.c.uid == uid)
    return str(connection.execute(query).scalar_one())


def erase_of_job(connection: Connection, job_id: str) -> None:
    """Delete a job's result instances and, if no other attempt needs them, its series' instances; schedule their bytes.

    A study without series is deleted with its personal attributes.
    """
    gone = list(connection.execute(select(results.c.instance).where(results.c.job_id == job_id)).scalars())
    parent = connection.execute(select(series_jobs.c.series).where(series_jobs.c.job_id == job_id)).scalar()
    if parent is not None:
        others = (series_jobs.c.series == parent) & (series_jobs.c.job_id != job_id)
        if not connection.execute(select(func.count()).where(others)).scalar_one():
            gone += connection.execute(select(instances.c.id).where(instances.c.series == parent)).scalars()
    erase(connection, gone)


def of_study(connection: Connection, tenant: str, uid: str) -> tuple[list[str], list[str]]:
    """Return the ids of the jobs and of the instances of a study."""
    condition = (studies.c.tenant == tenant) & (studies.c.uid == uid)
    inside = select(series.c.id).join(studies, studies.c.id == series.c.study).where(condition)
    job_ids = select(series_jobs.c.job_id).where(series_jobs.c.series.in_(inside))
    instance_ids = select(instances.c.id).where(instances.c.series.in_(inside))
    return list(connection.execute(job_ids).scalars()), list(connection.execute(instance_ids).scalars())


def erase(connection: Connection, ids: list[str]) -> None:
    """Delete instances and the series and studies that become empty; schedule the deletion of their bytes."""
    for instance in ids:
        connection.execute(delete(instances).where(instances.c.id == instance))
        schedule_delete(connection, f"dicom/{instance}/")
    if ids:
        filled = select(instances.c.series)
        connection.execute(delete(series).where(series.c.id.not_in(filled)))
        connection.execute(delete(studies).where(studies.c.id.not_in(select(series.c.study))))
