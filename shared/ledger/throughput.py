"""Throughput of the latest jobs, from which the waiting time is estimated."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from shared.ledger.engine import now
from shared.ledger.jobs import STAGES
from shared.ledger.tables import stage_runs, workers
from shared.ledger.workers import ALIVE

LATEST = 40
"""Number of runs of each stage that the mean is taken over."""


def seconds_per_job(connection: Connection) -> float | None:
    """Return the mean seconds per job while the queue is full; None before the first job has ended.

    The slowest stage sets the pace: its mean duration, divided by its live workers.
    """
    query = select(workers.c.stage, func.count()).where(workers.c.seen > now() - ALIVE).group_by(workers.c.stage)
    at_work = {str(stage): int(count) for stage, count in connection.execute(query)}
    paces = []
    for stage in STAGES:
        done = (stage_runs.c.stage == stage) & (stage_runs.c.state == "done") & stage_runs.c.ended.is_not(None)
        latest = select((stage_runs.c.ended - stage_runs.c.started).label("seconds")).where(done)
        runs = latest.order_by(stage_runs.c.ended.desc()).limit(LATEST).subquery()
        mean = connection.execute(select(func.avg(runs.c.seconds))).scalar()
        if mean is not None:
            paces.append(float(mean) / max(1, at_work.get(stage, 1)))
    return max(paces) if paces else None
