"""Claims: a lease on one stage of one job, guarded by a fence number.

Every change by a worker names its fence, so a worker that lost its lease changes nothing. The fence is the fencing
token of Kleppmann, "How to do distributed locking" (2016).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select, update

from shared.ledger import early, order, pending_puts
from shared.ledger.engine import now
from shared.ledger.history import record
from shared.ledger.jobs import NOTIFY_AGAIN, OPEN, STAGES, Artifact, end, lock, publish
from shared.ledger.tables import jobs, stage_runs

LEASE = 30.0
"""Seconds that a worker may be silent before its work is requeued."""
ATTEMPTS = 3
TRIES = 8
"""How often a worker looks for other due work after another worker was faster."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one worker to one stage of one job, while its lease is valid and no newer fence exists."""

    job_id: str
    stage: str
    fence: int
    attempt: int

    @property
    def prefix(self) -> str:
        """Return the store prefix of this attempt; no other attempt writes there."""
        return f"jobs/{self.job_id}/{self.stage}/{self.fence}/"


class LostLease(Exception):
    """The claim is no longer valid: cancelled, timed out or claimed by another worker. Stop and publish nothing."""


def claim_next(
    connection: Connection,
    stage: str,
    worker: str,
    named: str,
    lease: float = LEASE,
    *,
    models: Collection[str] | None = None,
) -> Claim | None:
    """Claim the due work that is first in the order of `shared.ledger.order`; return None if nothing is due.

    `named` is the job of the stage message. A message says that some work is due; which work it is, the order says.
    `models` are the keys of the models that the worker has; without them it takes every job.
    """
    for _ in range(TRIES):
        job_id = order.first(connection, stage, named, models)
        if job_id is None:
            break
        if claimed := _claim_locked(connection, job_id, stage, worker, lease, models):
            return claimed
    lock(connection, named)  # its row may have been locked for a moment
    return _claim_locked(connection, named, stage, worker, lease, models)


def claim(connection: Connection, job_id: str, stage: str, worker: str, lease: float = LEASE) -> Claim | None:
    """Claim the stage if it is ready, in one compare-and-set; return None if there is nothing to do."""
    lock(connection, job_id)
    return _claim_locked(connection, job_id, stage, worker, lease)


def _claim_locked(  # noqa: PLR0917 - the arguments of `claim_next`
    connection: Connection, job_id: str, stage: str, worker: str, lease: float, models: Collection[str] | None = None
) -> Claim | None:
    is_open = (jobs.c.id == job_id) & jobs.c.state.in_(OPEN) & (jobs.c.stage == stage)
    open_here = exists().where(is_open, order.fits(models))
    row = connection.execute(
        update(stage_runs)
        .where(stage_runs.c.job_id == job_id, stage_runs.c.stage == stage, stage_runs.c.state == "ready", open_here)
        .values(
            state="running", worker=worker, fence=stage_runs.c.fence + 1, attempts=stage_runs.c.attempts + 1,
            lease_until=now() + lease, ring_at=None, started=now(), ended=None, progress=0.0,
        )
        .returning(stage_runs.c.fence, stage_runs.c.attempts)
    ).first()  # fmt: skip
    if row is None:
        return None
    first = (jobs.c.id == job_id) & (jobs.c.state == "queued")
    connection.execute(update(jobs).where(first).values(state="running", started=now()))
    order.note_claim(connection, job_id, stage)
    record(connection, job_id, "stage_started", {"stage": stage, "attempt": row.attempts})
    claimed = Claim(job_id, stage, row.fence, row.attempts)
    pending_puts.announce(connection, [claimed.prefix], lease)
    return claimed


def renew(connection: Connection, claim: Claim, progress: float | None = None, lease: float = LEASE) -> None:
    """Extend the lease and store the progress (0..1).

    Raises LostLease if the claim is no longer valid.
    """
    values: dict[str, Any] = {"lease_until": now() + lease}
    if progress is not None:
        values["progress"] = progress
    _guarded(connection, claim, values)
    if progress is None:  # the heartbeat; progress comes more often
        pending_puts.renew(connection, [claim.prefix], lease)


def complete(
    connection: Connection, claim: Claim, outputs: Iterable[Artifact], patience: float = NOTIFY_AGAIN
) -> str | None:
    """Publish a stage's outputs and advance the job, in the caller's transaction.

    Return the next stage, which the caller should notify (the reconciler does so after `patience` seconds), or None
    after the last stage. Raises LostLease.
    """
    lock(connection, claim.job_id)
    _guarded(connection, claim, {"state": "done", "progress": 1.0, "lease_until": None, "ended": now()})
    if not pending_puts.remove(connection, [claim.prefix]):
        raise LostLease(claim.job_id)  # the deletion of its bytes is scheduled
    publish(connection, claim.job_id, outputs)
    record(connection, claim.job_id, "stage_done", {"stage": claim.stage})
    if claim.stage == "segmenter":
        early.forget(connection, claim.job_id)
    following = STAGES[STAGES.index(claim.stage) + 1 :]
    if not following:
        end(connection, claim.job_id, "succeeded")
        return None
    upcoming = (stage_runs.c.job_id == claim.job_id) & (stage_runs.c.stage == following[0])
    connection.execute(update(stage_runs).where(upcoming).values(state="ready", ring_at=now() + patience))
    connection.execute(update(jobs).where(jobs.c.id == claim.job_id).values(stage=following[0]))
    return following[0]


def show_early(connection: Connection, claim: Claim, slab: early.Slab, data: bytes) -> None:
    """Add finished slices of the label map that this claim works on; see `shared.ledger.early`.

    Raises LostLease if the claim is no longer valid.
    """
    _guarded(connection, claim, {"fence": claim.fence})  # locks the row until the part is in
    early.add(connection, claim.job_id, claim.fence, slab, data)


def change_job(connection: Connection, claim: Claim, **values: Any) -> None:
    """Change columns of the job that this claim works on.

    Raises LostLease if the claim is no longer valid.
    """
    lock(connection, claim.job_id)
    _guarded(connection, claim, {"fence": claim.fence})
    connection.execute(update(jobs).where(jobs.c.id == claim.job_id).values(**values))


def fail(connection: Connection, claim: Claim, code: str, detail: str) -> None:
    """End the job as failed.

    Raises LostLease if the claim is no longer valid.
    """
    lock(connection, claim.job_id)
    _guarded(connection, claim, {"lease_until": None, "ended": now()})
    pending_puts.withdraw(connection, [claim.prefix])
    end(connection, claim.job_id, "failed", code, detail[:1000])


def release(connection: Connection, claim: Claim, wait: float = 0.0, counts: bool = False) -> None:
    """Make the stage ready again after `wait` seconds; it counts as an attempt only if `counts` is set.

    Raises LostLease.
    """
    attempts = stage_runs.c.attempts if counts else stage_runs.c.attempts - 1
    _guarded(connection, claim, {"state": "ready", "attempts": attempts, "lease_until": None, "ring_at": now() + wait})
    pending_puts.withdraw(connection, [claim.prefix])
    record(connection, claim.job_id, "given_back", {"stage": claim.stage})


def holds(claim: Claim) -> ColumnElement[bool]:
    """Return the condition under which this claim is still valid."""
    columns = stage_runs.c
    same = (columns.job_id == claim.job_id) & (columns.stage == claim.stage) & (columns.fence == claim.fence)
    return same & (columns.state == "running")


def _guarded(connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
    if connection.execute(update(stage_runs).where(holds(claim)).values(**values)).rowcount != 1:
        raise LostLease(claim.job_id)


def release_all(connection: Connection, worker: str) -> None:
    """Make all work of a stopping worker ready for others; it counts as no attempt."""
    condition = (stage_runs.c.worker == worker) & (stage_runs.c.state == "running")
    values = {"state": "ready", "attempts": stage_runs.c.attempts - 1, "lease_until": None, "ring_at": now()}
    query = select(stage_runs.c.job_id, stage_runs.c.stage).where(condition).order_by(stage_runs.c.job_id)
    for job_id, stage in connection.execute(query).all():
        lock(connection, job_id)
        same = condition & (stage_runs.c.job_id == job_id) & (stage_runs.c.stage == stage)
        if connection.execute(update(stage_runs).where(same).values(**values)).rowcount:
            record(connection, job_id, "given_back", {"stage": stage})


def holds_any(connection: Connection, worker: str) -> bool:
    """Return whether the worker has a claim."""
    condition = (stage_runs.c.worker == worker) & (stage_runs.c.state == "running")
    return connection.execute(select(stage_runs.c.job_id).where(condition).limit(1)).first() is not None
