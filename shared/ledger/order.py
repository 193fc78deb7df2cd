"""The order in which due work is claimed: one queue for all tenants, in which the tenants take turns.

Next is the tenant with the fewest runs of the stage at work; of several, the one whose last claim is longest ago.
Within a tenant, retried work comes first, then the oldest job. So a tenant with one job waits for at most one free
worker, however many jobs the others have. This is fair queueing by rounds (Nagle, RFC 970, 1985), with whole jobs
as packets.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, Connection, case, func, literal, select, true

from shared.ledger.engine import insert, now
from shared.ledger.tables import jobs, last_claims, stage_runs

CANDIDATES = 64
"""Due jobs that a worker tries to lock at most; other workers may be claiming the first ones at the same moment."""


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job that waits for a stage; `fresh` if no worker has started that stage before."""

    tenant: str
    fresh: bool
    seq: int


def in_turn(due: Iterable[DueJob], running: Mapping[str, int], last: Mapping[str, float]) -> Iterator[DueJob]:
    """Yield due jobs in the order in which they are claimed.

    `running` is the number of runs of the stage that each tenant has at work, `last` the time of its last claim;
    tenants without an entry have none.
    """
    queues: dict[str, list[DueJob]] = {}
    for job in due:
        queues.setdefault(job.tenant, []).append(job)
    heads = []
    for tenant, queue in queues.items():
        queue.sort(key=lambda job: (job.fresh, job.seq), reverse=True)
        heads.append((running.get(tenant, 0), last.get(tenant, 0.0), queue[-1].seq, tenant))
    heapq.heapify(heads)
    while heads:
        turn, before, seq, tenant = heapq.heappop(heads)
        yield queues[tenant].pop()
        if queues[tenant]:
            heapq.heappush(heads, (turn + 1, before, seq, tenant))


def first(connection: Connection, stage: str, named: str, models: Collection[str] | None = None) -> str | None:
    """Return the id of the job whose run of this stage should be claimed now, its row locked; None if none is due.

    Retried work waits for its time, unless it is `named`, the job that the worker was notified of. Rows that another
    transaction has locked are skipped. With `models`, only jobs that ask for one of these or for none.
    """
    startable = (stage_runs.c.fence == 0) | (stage_runs.c.ring_at <= now()) | (stage_runs.c.job_id == named)
    waits = (stage_runs.c.stage == stage) & (stage_runs.c.state == "ready") & (jobs.c.stage == stage)
    fresh = case((stage_runs.c.fence == 0, 1), else_=0)
    query = select(jobs.c.tenant, fresh, jobs.c.seq).join(stage_runs, stage_runs.c.job_id == jobs.c.id)
    due = [DueJob(*row) for row in connection.execute(query.where(waits, startable, fits(models)))]
    for job in islice(in_turn(due, *_turns(connection, stage, due)), CANDIDATES):
        row = select(jobs.c.id).where(jobs.c.seq == job.seq).with_for_update(skip_locked=True)
        if job_id := connection.execute(row).scalar():
            return str(job_id)
    return None


def fits(models: Collection[str] | None) -> ColumnElement[bool]:
    """Return the condition that a job asks for one of these models or for none; no condition without `models`."""
    return true() if models is None else jobs.c.model.is_(None) | jobs.c.model.in_(list(models))


def positions(connection: Connection, stage: str) -> dict[int, int]:
    """Return the position, from 1, of every queued job of all tenants, by its `seq`."""
    query = select(jobs.c.tenant, literal(True), jobs.c.seq).where(jobs.c.state == "queued")
    queued = [DueJob(*row) for row in connection.execute(query)]
    return {job.seq: place for place, job in enumerate(in_turn(queued, *_turns(connection, stage, queued)), 1)}


def note_claim(connection: Connection, job_id: str, stage: str) -> None:
    """Record that the tenant of this job has had its turn at this stage."""
    values = select(literal(stage), jobs.c.tenant, now()).where(jobs.c.id == job_id)
    row = insert(connection, last_claims).from_select(["stage", "tenant", "at"], values)
    key = [last_claims.c.stage, last_claims.c.tenant]
    connection.execute(row.on_conflict_do_update(index_elements=key, set_={"at": row.excluded.at}))


def _turns(connection: Connection, stage: str, due: Sequence[DueJob]) -> tuple[dict[str, int], dict[str, float]]:
    """Return the number of runs at work and the time of the last claim of each tenant that `in_turn` needs."""
    if len({job.tenant for job in due}) < 2:
        return {}, {}  # one tenant has every turn
    at_work = (stage_runs.c.stage == stage) & (stage_runs.c.state == "running")
    counts = select(jobs.c.tenant, func.count()).join(stage_runs, stage_runs.c.job_id == jobs.c.id).where(at_work)
    running = {str(tenant): int(count) for tenant, count in connection.execute(counts.group_by(jobs.c.tenant))}
    last = select(last_claims.c.tenant, last_claims.c.at).where(last_claims.c.stage == stage)
    return running, {str(tenant): float(at) for tenant, at in connection.execute(last)}
