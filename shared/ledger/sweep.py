"""What the reconciler does to the ledger. Every function may run in several processes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from shared.ledger import pending_puts
from shared.ledger.claims import ATTEMPTS, Claim
from shared.ledger.engine import now
from shared.ledger.history import record
from shared.ledger.jobs import NOTIFY_AGAIN, OPEN, STAGES, end, lock
from shared.ledger.tables import jobs, stage_runs, workers

QUEUE_LIMIT = 64
"""Messages that the reconciler puts into a stage's queue at most. A longer queue would be filled again and again."""


@dataclass(frozen=True, slots=True)
class StageMessage:
    """One stage of one job for a worker to claim; `retried` work was started before and lost its worker."""

    job_id: str
    stage: str
    retried: bool = False


def requeue_expired(connection: Connection) -> int:
    """Make the work of silent workers ready again, or end the job as `worker_lost` after the last attempt; return how
    many.
    """
    lost = (stage_runs.c.state == "running") & (stage_runs.c.lease_until < now())
    rows = connection.execute(select(stage_runs.c.job_id, stage_runs.c.stage, stage_runs.c.fence).where(lost)).all()
    for row in sorted(rows, key=lambda row: str(row.job_id)):
        lock(connection, row.job_id)
        same = lost & (stage_runs.c.job_id == row.job_id) & (stage_runs.c.stage == row.stage)
        same &= stage_runs.c.fence == row.fence
        again = update(stage_runs).where(same, stage_runs.c.attempts < ATTEMPTS)
        if connection.execute(again.values(state="ready", lease_until=None, ring_at=now())).rowcount:
            record(connection, row.job_id, "worker_lost", {"stage": row.stage})
        elif connection.execute(select(stage_runs.c.fence).where(same)).first():
            end(connection, row.job_id, "failed", "worker_lost", f"The {row.stage} lost its worker {ATTEMPTS} times.")
        else:
            continue  # the worker came back and finished while this waited for the job's row: its bytes are the result
        pending_puts.withdraw(connection, [Claim(row.job_id, row.stage, row.fence, 0).prefix])
    return len(rows)


def expire(connection: Connection) -> int:
    """End jobs after their deadline as `timeout`; return how many."""
    late = select(jobs.c.id).where(jobs.c.state.in_(OPEN), jobs.c.deadline < now()).order_by(jobs.c.id)
    return sum(
        end(connection, job_id, "failed", "timeout", "The job did not end before its deadline.")
        for job_id in connection.execute(late).scalars().all()
    )


def due(
    connection: Connection, again: float = NOTIFY_AGAIN, room: Mapping[str, int] = dict.fromkeys(STAGES, QUEUE_LIMIT)
) -> list[StageMessage]:
    """Return the stages to notify now, retried work first; they are due again in `again` seconds.

    `room` says how many messages of new work each stage's queue may still take: a queue that keeps the workers busy
    need not grow. Rows that another reconciler has locked are skipped.
    """
    messages = []
    for stage in STAGES:
        messages += _due(connection, stage, stage_runs.c.fence > 0, QUEUE_LIMIT)
    for stage in STAGES:
        messages += _due(connection, stage, stage_runs.c.fence == 0, room[stage])
    for message in messages:
        same = (stage_runs.c.job_id == message.job_id) & (stage_runs.c.stage == message.stage)
        connection.execute(update(stage_runs).where(same, _waiting()).values(ring_at=now() + again))
    return messages


def _due(connection: Connection, stage: str, which: ColumnElement[bool], most: int) -> list[StageMessage]:
    query = select(stage_runs.c.job_id, stage_runs.c.fence).join(jobs, jobs.c.id == stage_runs.c.job_id)
    query = query.where(_waiting(), which, stage_runs.c.stage == stage).order_by(jobs.c.seq).limit(most)
    rows = connection.execute(query.with_for_update(of=stage_runs, skip_locked=True))
    return [StageMessage(row.job_id, stage, row.fence > 0) for row in rows]


def _waiting() -> ColumnElement[bool]:
    return (stage_runs.c.state == "ready") & (stage_runs.c.ring_at <= now())


def is_due(connection: Connection, stage: str) -> bool:
    """Return whether a job waits for this stage."""
    query = select(stage_runs.c.job_id).where(stage_runs.c.state == "ready", stage_runs.c.stage == stage).limit(1)
    return connection.execute(query).first() is not None


def forget_workers(connection: Connection, after: float = 3600.0) -> None:
    """Delete workers that have been silent for long."""
    connection.execute(workers.delete().where(workers.c.seen < now() - after))
