"""Files of a result that are written at their first request, once, and then kept.

The last stage says which files a job can have. A request for one makes a row; a worker claims it with a lease and a
fence, by the rules of `shared.ledger.claims`. The job itself has ended and does not change: a file that can't be
written fails alone. Tenants take turns: next is the oldest request of the tenant whose last claim is longest ago.

A revision that a person made (`shared.ledger.revisions`) is one more row, named `RESULT`: its model and its report,
which are published together. Somebody waits for it, so of a tenant's rows it comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select, update

from shared.ledger import order, pending_puts
from shared.ledger.claims import ATTEMPTS, LEASE, LostLease
from shared.ledger.engine import insert as insert_new
from shared.ledger.engine import now
from shared.ledger.jobs import NOTIFY_AGAIN, RESULT, Artifact, get, lock, publish
from shared.ledger.tables import file_runs, jobs, last_claims, revisions

STAGE = "files"
"""What messages, metrics and traces call this work, beside the stages of a job."""
TRY_AGAIN = 3600.0
"""Seconds after which a request for a file that failed has another three attempts."""

_RESULTS_FIRST = case((file_runs.c.name == RESULT, 0), else_=1)
"""Order by which the first files of a revision come before those that are requested later."""

State = Literal["ready", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class FileClaim:
    """The right of one worker to write one file, while its lease is valid and no newer fence exists."""

    job_id: str
    revision: int
    name: str
    fence: int
    attempt: int

    @property
    def stage(self) -> str:
        """Return what metrics and traces call this work."""
        return STAGE

    @property
    def prefix(self) -> str:
        """Return the store prefix of this attempt; no other attempt writes there."""
        return f"jobs/{self.job_id}/files/{self.revision}/{self.name}/{self.fence}/"


@dataclass(frozen=True, slots=True)
class FileMessage:
    """A file of a job that is due; of a revision that a person made, the first files are `urgent`."""

    job_id: str
    urgent: bool


def offer(
    connection: Connection, job_id: str, names: Sequence[str], ahead: Collection[str] = (), revision: int = 1
) -> list[str]:
    """Record which files a revision can have; request those of `ahead` at once, and return their names."""
    changed = update(jobs).where(jobs.c.id == job_id)
    if revision != 1:
        changed = update(revisions).where(revisions.c.job_id == job_id, revisions.c.number == revision)
    connection.execute(changed.values(offers=list(names)))
    wanted = [name for name in names if name in ahead]
    for name in wanted:
        add(connection, job_id, name, NOTIFY_AGAIN, revision)
    return wanted


def request(  # noqa: PLR0917
    connection: Connection,
    tenant: str | None,
    job_id: str,
    name: str,
    patience: float = NOTIFY_AGAIN,
    revision: int = 1,
) -> State:
    """Request a file that its job offers, and return its state.

    The caller notifies a worker if that is `ready`; the reconciler does so after `patience` seconds. Raises NotFound if
    the job does not exist or is another tenant's.
    """
    lock(connection, job_id)
    get(connection, tenant, job_id)
    add(connection, job_id, name, patience, revision)
    failed = _same(job_id, name, revision) & (file_runs.c.state == "failed")
    failed_long_ago = failed & (file_runs.c.ended < now() - TRY_AGAIN)
    again = {"state": "ready", "attempts": 0, "ring_at": now() + patience, "ended": None, "error_code": None}
    connection.execute(update(file_runs).where(failed_long_ago).values(**again))
    return states(connection, job_id, revision)[name]


def add(connection: Connection, job_id: str, name: str, patience: float, revision: int) -> None:
    """Make a file due if it was never requested; the reconciler notifies a worker after `patience` seconds."""
    # The first fence is the time in seconds. After a lost ledger was rebuilt, a prefix is therefore not used again.
    row = insert_new(connection, file_runs).values(
        job_id=job_id, revision=revision, name=name, state="ready", attempts=0, fence=cast(now(), BigInteger),
        ring_at=now() + patience, requested=now(),
    )  # fmt: skip
    connection.execute(row.on_conflict_do_nothing())


def _same(job_id: str, name: str, revision: int) -> ColumnElement[bool]:
    columns = file_runs.c
    return (columns.job_id == job_id) & (columns.revision == revision) & (columns.name == name)


def claim_next(connection: Connection, worker: str, named: str, lease: float = LEASE) -> FileClaim | None:
    """Claim the file that is first in the order; return None if none is due.

    `named` is the job of the message: its files that failed before do not wait for their time.
    """
    columns = file_runs.c
    startable = (columns.attempts == 0) | (columns.ring_at <= now()) | (columns.job_id == named)
    turn = (last_claims.c.stage == STAGE) & (last_claims.c.tenant == jobs.c.tenant)
    query = select(columns.job_id, columns.revision, columns.name).join(jobs, jobs.c.id == columns.job_id)
    query = query.outerjoin(last_claims, turn).where(columns.state == "ready", startable)
    query = query.order_by(func.coalesce(last_claims.c.at, 0.0), _RESULTS_FIRST, columns.requested).limit(1)
    row = connection.execute(query.with_for_update(of=file_runs, skip_locked=True)).first()
    if row is None:
        return None
    values = {
        "state": "running", "worker": worker, "fence": columns.fence + 1, "attempts": columns.attempts + 1,
        "lease_until": now() + lease, "ring_at": None,
    }  # fmt: skip
    taken = update(file_runs).where(_same(row.job_id, row.name, row.revision)).values(**values)
    fence, attempt = connection.execute(taken.returning(columns.fence, columns.attempts)).one()
    order.note_claim(connection, row.job_id, STAGE)
    claimed = FileClaim(row.job_id, row.revision, row.name, fence, attempt)
    pending_puts.announce(connection, [claimed.prefix], lease)
    return claimed


def renew(connection: Connection, claim: FileClaim, progress: float | None = None, lease: float = LEASE) -> None:
    """Extend the lease. A file has no progress.

    Raises LostLease if the claim is no longer valid.
    """
    _guarded(connection, claim, {"lease_until": now() + lease})
    if progress is None:
        pending_puts.renew(connection, [claim.prefix], lease)


def complete(connection: Connection, claim: FileClaim, outputs: Iterable[Artifact], _patience: float = 0.0) -> None:
    """Publish the file, or the first files of a revision, in the caller's transaction.

    Raises LostLease.
    """
    lock(connection, claim.job_id)
    _guarded(connection, claim, {"state": "done", "lease_until": None, "ended": now()})
    if not pending_puts.remove(connection, [claim.prefix]):
        raise LostLease(claim.job_id)  # the deletion of its bytes is scheduled
    publish(connection, claim.job_id, outputs, claim.revision)


def fail(connection: Connection, claim: FileClaim, code: str, _detail: str) -> None:
    """Record that the file can't be written; the log says why.

    Raises LostLease if the claim is no longer valid.
    """
    _guarded(connection, claim, {"state": "failed", "lease_until": None, "ended": now(), "error_code": code})
    pending_puts.withdraw(connection, [claim.prefix])


def release(connection: Connection, claim: FileClaim, wait: float = 0.0, counts: bool = False) -> None:
    """Make the file due again after `wait` seconds; it counts as an attempt only if `counts` is set.

    Raises LostLease.
    """
    attempts = file_runs.c.attempts if counts else file_runs.c.attempts - 1
    _guarded(connection, claim, {"state": "ready", "attempts": attempts, "lease_until": None, "ring_at": now() + wait})
    pending_puts.withdraw(connection, [claim.prefix])


def _guarded(connection: Connection, claim: FileClaim, values: dict[str, Any]) -> None:
    same = _same(claim.job_id, claim.name, claim.revision) & (file_runs.c.fence == claim.fence)
    change = update(file_runs).where(same, file_runs.c.state == "running").values(**values)
    if connection.execute(change).rowcount != 1:
        raise LostLease(claim.job_id)


def _running_at(worker: str) -> ColumnElement[bool]:
    return (file_runs.c.worker == worker) & (file_runs.c.state == "running")


def release_all(connection: Connection, worker: str) -> None:
    """Make all files of a stopping worker due for others; it counts as no attempt."""
    attempts = file_runs.c.attempts - 1
    values = {"state": "ready", "attempts": attempts, "lease_until": None, "ring_at": now()}
    connection.execute(update(file_runs).where(_running_at(worker)).values(**values))


def holds_any(connection: Connection, worker: str) -> bool:
    """Return whether the worker has a claim on a file."""
    query = select(file_runs.c.job_id).where(_running_at(worker)).limit(1)
    return connection.execute(query).first() is not None


def requeue_expired(connection: Connection) -> int:
    """Make the files of silent workers due again, or failed after the last attempt; return how many."""
    columns = file_runs.c
    lost = (columns.state == "running") & (columns.lease_until < now())
    query = select(columns.job_id, columns.revision, columns.name, columns.fence, columns.attempts).where(lost)
    claims = [FileClaim(*row) for row in connection.execute(query.with_for_update(skip_locked=True))]
    for claim in claims:
        if claim.attempt < ATTEMPTS:
            release(connection, claim, counts=True)
        else:
            fail(connection, claim, "worker_lost", "")
    return len(claims)


def due(connection: Connection, again: float, room: int) -> list[FileMessage]:
    """Return at most `room` files to notify now, the urgent ones first; they are due again in `again` seconds."""
    columns = file_runs.c
    waiting = (columns.state == "ready") & (columns.ring_at <= now())
    query = (
        select(columns.job_id, columns.revision, columns.name)
        .where(waiting)
        .order_by(_RESULTS_FIRST, columns.requested)
    )
    rows = connection.execute(query.limit(room).with_for_update(skip_locked=True)).all()
    for job_id, revision, name in rows:
        same = _same(job_id, name, revision)
        connection.execute(update(file_runs).where(waiting & same).values(ring_at=now() + again))
    return [FileMessage(job_id, name == RESULT) for job_id, _, name in rows]


def is_due(connection: Connection) -> bool:
    """Return whether a file waits for a worker."""
    query = select(file_runs.c.job_id).where(file_runs.c.state == "ready").limit(1)
    return connection.execute(query).first() is not None


def states(connection: Connection, job_id: str, revision: int = 1) -> dict[str, State]:
    """Return the states of a revision's requested files by name."""
    same = (file_runs.c.job_id == job_id) & (file_runs.c.revision == revision)
    query = select(file_runs.c.name, file_runs.c.state).where(same)
    return {row.name: row.state for row in connection.execute(query)}
