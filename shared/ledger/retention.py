"""Erases ended jobs after their retention time, and scans without a job."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select, update

from shared.ledger import audit
from shared.ledger.engine import now
from shared.ledger.erasure import erase_job
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import jobs, scans, tenants

DAY = 86400.0
AT_ONCE = 100
ACTOR = "retention"


def set_expiry(connection: Connection, keep_days: float) -> None:
    """Set the expiry of every ended job; a tenant's own `keep_days` limit overrules the default.

    0 days means that the tenant's jobs are kept without end.
    """
    waiting = jobs.c.ended.is_not(None) & jobs.c.expires.is_(None)
    for row in connection.execute(select(tenants.c.id, tenants.c.limits)).all():
        days = float((row.limits or {}).get("keep_days", keep_days))
        if days > 0:
            changed = update(jobs).where(waiting, jobs.c.tenant == row.id)
            connection.execute(changed.values(expires=jobs.c.ended + days * DAY))


def expire_jobs(connection: Connection) -> int:
    """Erase expired jobs with their scans and results; return how many."""
    over = select(jobs.c.id, jobs.c.tenant).where(jobs.c.expires <= now(), jobs.c.ended.is_not(None))
    rows = connection.execute(over.order_by(jobs.c.expires).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    for row in rows:
        erase_job(connection, row.tenant, row.id, ACTOR, "expire")
    return len(rows)


def expire_scans(connection: Connection, hours: float) -> int:
    """Erase scans without a job that are older than this many hours; return how many."""
    used = exists().where(jobs.c.scan_id == scans.c.id)
    over = select(scans.c.id, scans.c.tenant).where(scans.c.created < now() - hours * 3600.0, ~used)
    rows = connection.execute(over.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    for row in rows:
        connection.execute(scans.delete().where(scans.c.id == row.id))
        schedule_delete(connection, f"scans/{row.id}/")
        audit.record(connection, row.tenant, ACTOR, "expire", row.id)
    return len(rows)
