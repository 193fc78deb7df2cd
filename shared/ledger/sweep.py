"""What the reconciler asks of the ledger. Every function may run in several processes at once."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from shared.ledger.claims import TRIES, Claim
from shared.ledger.engine import now
from shared.ledger.history import record
from shared.ledger.jobs import OPEN, RING_AGAIN, doom, end, lock
from shared.ledger.tables import doomed, jobs, stage_runs, workers

RINGS = 64
"""Doorbells per sweep: those who wait longest first, so that a long queue is not rung over and over."""


def rescue(connection: Connection) -> int:
    """Makes the work of silent workers ready again, or ends the job as `worker_lost` after the last try."""
    lost = (stage_runs.c.state == "running") & (stage_runs.c.lease_until < now())
    rows = connection.execute(select(stage_runs.c.job_id, stage_runs.c.stage, stage_runs.c.fence).where(lost)).all()
    for row in sorted(rows, key=lambda row: str(row.job_id)):
        lock(connection, row.job_id)
        same = lost & (stage_runs.c.job_id == row.job_id) & (stage_runs.c.stage == row.stage)
        same &= stage_runs.c.fence == row.fence
        again = update(stage_runs).where(same, stage_runs.c.attempts < TRIES)
        if connection.execute(again.values(state="ready", lease_until=None, ring_at=now())).rowcount:
            record(connection, row.job_id, "worker_lost", {"stage": row.stage})
        elif connection.execute(select(stage_runs.c.fence).where(same)).first():
            end(connection, row.job_id, "failed", "worker_lost", f"The {row.stage} lost its worker {TRIES} times.")
        else:
            continue  # it came back and finished while this waited for the job's row: its bytes are the result
        doom(connection, Claim(row.job_id, row.stage, row.fence, 0).prefix)
    return len(rows)


def expire(connection: Connection) -> int:
    """Ends what is past its deadline as `timeout`."""
    late = select(jobs.c.id).where(jobs.c.state.in_(OPEN), jobs.c.deadline < now()).order_by(jobs.c.id)
    return sum(
        end(connection, job_id, "failed", "timeout", "The job did not end before its deadline.")
        for job_id in connection.execute(late).scalars().all()
    )


def due(connection: Connection, again: float = RING_AGAIN) -> list[tuple[str, str]]:
    """The (job, stage) pairs whose doorbell should be rung now, and again in `again` seconds if nobody answers."""
    waiting = (stage_runs.c.state == "ready") & (stage_runs.c.ring_at <= now())
    query = select(stage_runs.c.job_id, stage_runs.c.stage).join(jobs, jobs.c.id == stage_runs.c.job_id).where(waiting)
    pairs = [(row.job_id, row.stage) for row in connection.execute(query.order_by(jobs.c.seq).limit(RINGS))]
    for job_id, stage in pairs:
        same = (stage_runs.c.job_id == job_id) & (stage_runs.c.stage == stage) & waiting
        connection.execute(update(stage_runs).where(same).values(ring_at=now() + again))
    return pairs


def is_due(connection: Connection, stage: str) -> bool:
    """Whether any job waits for this stage."""
    query = select(stage_runs.c.job_id).where(stage_runs.c.state == "ready", stage_runs.c.stage == stage).limit(1)
    return connection.execute(query).first() is not None


def condemned(connection: Connection) -> list[str]:
    """Store prefixes of erased jobs and lost attempts that may still hold bytes."""
    return list(connection.execute(select(doomed.c.prefix)).scalars())


def buried(connection: Connection, prefix: str, after: float = 120.0) -> None:
    """Forgets an emptied prefix once no worker can still be writing there."""
    connection.execute(doomed.delete().where(doomed.c.prefix == prefix, doomed.c.at < now() - after))


def forget_workers(connection: Connection, after: float = 3600.0) -> None:
    """Drops workers not seen for long."""
    connection.execute(workers.delete().where(workers.c.seen < now() - after))
