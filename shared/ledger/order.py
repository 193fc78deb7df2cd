"""The order in which due work is claimed: one queue for all tenants, in which the tenants take turns.

Within a tenant, retried work comes first, then the oldest job. A tenant's n-th due job waits for turn n, plus one for
each of its jobs that a worker runs. In one turn, the tenant comes first whose last claim is longest ago. So a tenant
with one job waits for at most one free worker, however many jobs the others have. This is fair queueing by rounds
(Nagle, RFC 970, 1985) with whole jobs as packets.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, literal, select

from shared.ledger.engine import insert, now
from shared.ledger.tables import jobs, last_claims, stage_runs


def first(connection: Connection, stage: str, named: str) -> str | None:
    """Return the id of the job whose run of this stage should be claimed now, its row locked; None if none is due.

    Retried work waits for its time, unless it is `named`, the job that the worker was notified of. Rows that another
    transaction has locked are skipped.
    """
    startable = (stage_runs.c.fence == 0) | (stage_runs.c.ring_at <= now()) | (stage_runs.c.job_id == named)
    due = _ranked(stage, _due(stage).where(startable))
    query = select(jobs.c.id).join(due, due.c.id == jobs.c.id).order_by(*_order(due)).limit(1)
    return connection.execute(query.with_for_update(of=jobs, skip_locked=True)).scalar()


def places(connection: Connection, stage: str, job_ids: list[str]) -> dict[str, int]:
    """Return the place, from 1, of each of these jobs among all that wait for this stage."""
    due = _ranked(stage, _due(stage))
    numbered = select(due.c.id, func.row_number().over(order_by=_order(due)).label("place")).subquery()
    query = select(numbered.c.id, numbered.c.place).where(numbered.c.id.in_(job_ids))
    return {row.id: row.place for row in connection.execute(query)}


def note_claim(connection: Connection, job_id: str, stage: str) -> None:
    """Record that the tenant of this job has had its turn at this stage."""
    values = select(literal(stage), jobs.c.tenant, now()).where(jobs.c.id == job_id)
    row = insert(connection, last_claims).from_select(["stage", "tenant", "at"], values)
    key = [last_claims.c.stage, last_claims.c.tenant]
    connection.execute(row.on_conflict_do_update(index_elements=key, set_={"at": row.excluded.at}))


def _due(stage: str) -> Select[tuple[str]]:
    """Select the open jobs that wait for this stage, with their turn among the due jobs of their tenant."""
    own = [case((stage_runs.c.fence > 0, 0), else_=1), jobs.c.seq]
    turn = func.row_number().over(partition_by=jobs.c.tenant, order_by=own)
    query = select(jobs.c.id, jobs.c.tenant, jobs.c.seq, turn.label("turn"))
    waits = (stage_runs.c.stage == stage) & (stage_runs.c.state == "ready")
    query = query.join(stage_runs, stage_runs.c.job_id == jobs.c.id)
    return query.where(waits, jobs.c.stage == stage)


def _ranked(stage: str, query: Select[tuple[str]]) -> Subquery:
    """Add the number of running jobs to the turns, and the time of each tenant's last claim of this stage."""
    due = query.subquery()
    at_work = (stage_runs.c.stage == stage) & (stage_runs.c.state == "running")
    running = select(jobs.c.tenant, func.count().label("count")).join(stage_runs, stage_runs.c.job_id == jobs.c.id)
    running_of = running.where(at_work).group_by(jobs.c.tenant).subquery()
    turn = due.c.turn + func.coalesce(running_of.c.count, 0)
    last = func.coalesce(last_claims.c.at, 0.0)
    ranked = select(due.c.id, due.c.seq, turn.label("turn"), last.label("last")).select_from(due)
    ranked = ranked.outerjoin(running_of, running_of.c.tenant == due.c.tenant)
    same = (last_claims.c.tenant == due.c.tenant) & (last_claims.c.stage == stage)
    return ranked.outerjoin(last_claims, same).subquery()


def _order(due: Subquery) -> tuple[ColumnElement[Any], ...]:
    return due.c.turn, due.c.last, due.c.seq
