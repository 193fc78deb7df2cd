"""Erases jobs and studies: their rows at once, their bytes through `pending_deletes`."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from shared.errors import NotFound
from shared.ledger import audit
from shared.ledger import jobs as ledger_jobs
from shared.ledger.dicom import instances
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import idempotency, jobs, scans


def erase_job(connection: Connection, tenant: str, job_id: str, actor: str, action: str = "delete") -> list[str]:
    """Erase a job and, if no other job uses it, its scan; return the store prefixes to delete.

    The prefixes stay recorded until the reconciler has found them empty, so a crash leaves no bytes behind.
    Raises NotFound, also for a job of another tenant.
    """
    job = ledger_jobs.get(connection, tenant, job_id)
    ledger_jobs.end(connection, job_id, "cancelled")
    instances.erase_of_job(connection, job_id)
    connection.execute(idempotency.delete().where(idempotency.c.subject == job_id))
    connection.execute(jobs.delete().where(jobs.c.id == job_id))
    prefixes = [f"jobs/{job_id}/"]
    if not connection.execute(select(func.count()).where(jobs.c.scan_id == job.scan_id)).scalar_one():
        connection.execute(idempotency.delete().where(idempotency.c.subject == job.scan_id))
        connection.execute(scans.delete().where(scans.c.id == job.scan_id))
        prefixes.append(f"scans/{job.scan_id}/")
    for prefix in prefixes:
        schedule_delete(connection, prefix)
    audit.record(connection, tenant, actor, action, job_id)
    return prefixes


def erase_study(connection: Connection, tenant: str, uid: str, actor: str) -> list[str]:
    """Erase a DICOM study with its jobs and their results; return the store prefixes to delete.

    Raises NotFound, also for a study of another tenant.
    """
    job_ids, instance_ids = instances.of_study(connection, tenant, uid)
    if not instance_ids:
        raise NotFound("There is no such study.")
    prefixes = [prefix for job_id in job_ids for prefix in erase_job(connection, tenant, job_id, actor)]
    instances.erase(connection, instance_ids)
    audit.record(connection, tenant, actor, "delete", uid)
    return prefixes + [f"dicom/{instance}/" for instance in instance_ids]
