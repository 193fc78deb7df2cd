"""How many jobs a tenant may have queued or open."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from shared.ledger.engine import unconfined
from shared.ledger.jobs import OPEN
from shared.ledger.tables import jobs, tenants


def queue_is_full(connection: Connection, tenant: str, bound: int) -> bool:
    """Return whether this tenant has to wait before it may queue another job.

    `bound` jobs may be queued. If they are, a tenant may still queue its equal part of them: one tenant's many jobs
    refuse no other tenant's first ones.
    """
    query = select(jobs.c.tenant, func.count()).where(jobs.c.state == "queued").group_by(jobs.c.tenant)
    with unconfined(connection):
        queued = {str(owner): int(count) for owner, count in connection.execute(query)}
    own = queued.setdefault(tenant, 0)
    return sum(queued.values()) >= bound and own >= max(1, bound // len(queued))


def share(connection: Connection, tenant: str, bound: int) -> int | None:
    """Return how many more jobs a tenant may have open; None without a limit.

    The tenant's own `open_jobs` limit overrules `bound`; 0 means no limit.
    """
    limits = connection.execute(select(tenants.c.limits).where(tenants.c.id == tenant)).scalar() or {}
    allowed = int(limits.get("open_jobs", bound))
    if not allowed:
        return None
    query = select(func.count()).where(jobs.c.tenant == tenant, jobs.c.state.in_(OPEN))
    return allowed - int(connection.execute(query).scalar_one())
