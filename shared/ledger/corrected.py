"""Corrected results that models may learn from: accepted revisions of tenants that consent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from shared.errors import NotFound
from shared.ledger import jobs, revisions
from shared.ledger.dicom.tables import series, series_jobs, studies
from shared.ledger.revisions import Revision
from shared.ledger.tables import descriptions, tenants
from shared.ledger.tables import jobs as jobs_table


@dataclass(frozen=True, slots=True)
class Corrected:
    """The newest finished revision of an accepted result.

    `patient` is the Patient ID of the job's study in the archive's index, or empty: a caller must not write it.
    """

    job: jobs.Job
    scan: jobs.Scan
    patient: str
    revision: Revision
    files: dict[str, jobs.Artifact]


def set_consent(connection: Connection, tenant: str, *, allowed: bool) -> None:
    """Record whether corrections of a tenant may be exported to train models.

    Raises NotFound.
    """
    found = connection.execute(update(tenants).where(tenants.c.id == tenant).values(learning=int(allowed)))
    if found.rowcount != 1:
        raise NotFound("There is no such tenant.")


def consent(connection: Connection) -> dict[str, bool]:
    """Return by tenant whether its corrections may be exported; nobody's may unless somebody said so."""
    rows = connection.execute(select(tenants.c.id, tenants.c.learning).order_by(tenants.c.id))
    return {row.id: bool(row.learning) for row in rows}


def accepted(connection: Connection, tenant: str) -> list[Corrected]:
    """Return the accepted results of a tenant that persons corrected, oldest first."""
    query = select(jobs_table.c.id).join(descriptions, descriptions.c.job_id == jobs_table.c.id)
    query = query.where(jobs_table.c.tenant == tenant, descriptions.c.review == "accepted")
    ids = list(connection.execute(query.order_by(jobs_table.c.seq)).scalars())
    return [found for job_id in ids if (found := _corrected(connection, tenant, job_id)) is not None]


def _corrected(connection: Connection, tenant: str, job_id: str) -> Corrected | None:
    job = jobs.get(connection, tenant, job_id)
    if job.revision < 2:
        return None
    files = jobs.published(connection, job_id) | jobs.published(connection, job_id, job.revision)
    scan = jobs.get_scan(connection, tenant, job.scan_id)
    revision = revisions.get(connection, job_id, job.revision)
    return Corrected(job, scan, _patient(connection, job_id), revision, files)


def _patient(connection: Connection, job_id: str) -> str:
    joined = series_jobs.join(series, series.c.id == series_jobs.c.series).join(studies, studies.c.id == series.c.study)
    query = select(studies.c.patient_id).select_from(joined).where(series_jobs.c.job_id == job_id)
    return str(connection.execute(query).scalar() or "")
