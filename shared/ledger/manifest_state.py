"""Which scans and jobs have a manifest in the store, and how the ledger restores them from manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert, select, update

from shared.ledger.engine import insert as insert_new
from shared.ledger.engine import now
from shared.ledger.history import record
from shared.ledger.jobs import NOTIFY_AGAIN, OPEN, STAGES, Artifact, Job, Scan, ensure_tenant
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import artifacts, events, jobs, scans, stage_runs

ACCEPTED, ENDED = 1, 2
"""Values of column `filed`: the acceptance is in the store; for a job, its end too."""
AT_ONCE = 64


def scans_without_manifest(connection: Connection, limit: int = AT_ONCE) -> list[str]:
    """Return scans whose manifest is not in the store yet."""
    return list(connection.execute(select(scans.c.id).where(scans.c.filed < ACCEPTED).limit(limit)).scalars())


def jobs_without_manifest(connection: Connection, limit: int = AT_ONCE) -> list[str]:
    """Return jobs whose acceptance, or whose end, is not in the store yet."""
    missing = (jobs.c.filed < ACCEPTED) | ((jobs.c.filed < ENDED) & jobs.c.ended.is_not(None))
    query = select(jobs.c.id).where(jobs.c.filed < ENDED, missing)
    return list(connection.execute(query.limit(limit)).scalars())


def owner(connection: Connection, scan_id: str) -> tuple[str, float]:
    """Return the tenant of a scan and its time of creation."""
    row = connection.execute(select(scans.c.tenant, scans.c.created).where(scans.c.id == scan_id)).one()
    return row.tenant, row.created


def record_scan_manifest(connection: Connection, scan_id: str) -> None:
    """Record that the store has the manifest; schedule its deletion if the scan was erased meanwhile."""
    if not connection.execute(update(scans).where(scans.c.id == scan_id).values(filed=ACCEPTED)).rowcount:
        schedule_delete(connection, f"scans/{scan_id}/")


def record_job_manifest(connection: Connection, job_id: str, level: int) -> None:
    """Record that the store has the acceptance or the end; schedule its deletion if the job was erased meanwhile."""
    lower = select(jobs.c.filed).where(jobs.c.id == job_id).with_for_update()
    filed = connection.execute(lower).scalar()
    if filed is None:
        schedule_delete(connection, f"jobs/{job_id}/")
    elif filed < level:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(filed=level))


def restore_scan(connection: Connection, tenant: str, scan: Scan) -> bool:
    """Restore a scan; return False if the ledger already has it. Its retention time starts again."""
    ensure_tenant(connection, tenant)
    values = {"id": scan.id, "key": scan.key, "sha256": scan.sha256, "bytes": scan.bytes, "format": scan.format}
    row = insert_new(connection, scans).values(tenant=tenant, created=now(), filed=ACCEPTED, **values)
    return connection.execute(row.on_conflict_do_nothing().returning(scans.c.id)).first() is not None


def restore_job(connection: Connection, job: Job, files: Sequence[Artifact], fences: Mapping[str, int]) -> bool:
    """Restore a job whose scan exists; return False if the ledger already has it.

    An open job starts again at its first stage with its whole time; its fences start above `fences` (by stage).
    """
    still_open = job.state in OPEN
    deadline = job.deadline - job.created
    values: dict[str, Any] = {
        "id": job.id, "tenant": job.tenant, "scan_id": job.scan_id, "options": job.options, "created": job.created,
        "state": "queued" if still_open else job.state, "stage": STAGES[0] if still_open else None,
        "started": None if still_open else job.started, "ended": job.ended, "error_code": job.error_code,
        "error_detail": job.error_detail, "deadline": now() + deadline if still_open else job.deadline,
        "filed": ACCEPTED if still_open else ENDED, "offers": list(job.offers) or None,
        "model": job.model,
    }  # fmt: skip
    row = insert_new(connection, jobs).values(**values).on_conflict_do_nothing().returning(jobs.c.seq)
    if connection.execute(row).first() is None:
        return False
    if still_open:
        _restore_open(connection, job.id, fences)
    else:
        _restore_ended(connection, job, files)
    return True


def _restore_open(connection: Connection, job_id: str, fences: Mapping[str, int]) -> None:
    for stage in STAGES:
        first = stage == STAGES[0]
        values: dict[str, Any] = {
            "state": "ready" if first else "waiting",
            "fence": fences.get(stage, 0),
            "attempts": 0,
        }
        values |= {"ring_at": now() + NOTIFY_AGAIN if first else None, "progress": 0.0}
        connection.execute(insert(stage_runs).values(job_id=job_id, stage=stage, **values))
    record(connection, job_id, "queued")


def _restore_ended(connection: Connection, job: Job, files: Sequence[Artifact]) -> None:
    for run in job.stages:
        values = {"state": run.state, "attempts": run.attempts, "fence": run.attempts, "progress": run.progress}
        values |= {"started": run.started, "ended": run.ended}
        connection.execute(insert(stage_runs).values(job_id=job.id, stage=run.stage, **values))
    for file in files:
        connection.execute(insert(artifacts).values(job_id=job.id, **asdict(file)))
    for at, kind in ((job.created, "queued"), (job.ended, job.state)):
        data = {"code": job.error_code} if kind == job.state and job.error_code else {}
        connection.execute(insert(events).values(job_id=job.id, at=at, kind=kind, data=data))
