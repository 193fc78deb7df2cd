"""The state of the whole installation in numbers, for metrics and for `viscera doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from shared.ledger.engine import now
from shared.ledger.jobs import STAGES
from shared.ledger.tables import deliveries, events, file_runs, jobs, stage_runs
from shared.ledger.workers import Worker, alive

Counts = dict[tuple[str, ...], float]
STATES = ("queued", "running", "succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Status:
    """Counts by label.

    Jobs by state; waiting, running and overdue stages and the oldest wait in seconds by stage; workers by stage and
    execution provider, and by model; history events by kind; requested files by state; webhook messages that are due.
    """

    jobs: Counts
    waiting: Counts
    oldest: Counts
    running: Counts
    overdue: Counts
    workers: Counts
    models: Counts
    events: Counts
    files: Counts
    webhooks_due: int


def gather(connection: Connection) -> Status:
    """Read everything in one transaction."""
    ready, busy = stage_runs.c.state == "ready", stage_runs.c.state == "running"
    living = alive(connection)
    due = select(func.count()).where(deliveries.c.state == "due")
    return Status(
        jobs=_counts(connection, jobs.c.state, STATES),
        waiting=_counts(connection, stage_runs.c.stage, STAGES, ready),
        oldest=_oldest(connection),
        running=_counts(connection, stage_runs.c.stage, STAGES, busy),
        overdue=_counts(connection, stage_runs.c.stage, STAGES, busy & (stage_runs.c.lease_until < now())),
        workers=_tally((worker.stage, str((worker.model or {}).get("provider", "none"))) for worker in living),
        models=_tally(_model(worker) for worker in living if worker.model),
        events=_counts(connection, events.c.kind, ()),
        files=_counts(connection, file_runs.c.state, ("ready", "running", "done", "failed")),
        webhooks_due=int(connection.execute(due).scalar_one()),
    )


def _tally(keys: Iterable[tuple[str, ...]]) -> Counts:
    return {key: float(count) for key, count in Counter(keys).items()}


def _model(worker: Worker) -> tuple[str, ...]:
    """Return stage, name, version, SHA-256, provider and device; a field of an older worker may be empty."""
    model = worker.model or {}
    card = model.get("card") or {}
    places = str(model.get("provider", "")), str(model.get("device", ""))
    return (worker.stage, *(str(card.get(name, "")) for name in ("name", "version", "sha256")), *places)


def _counts(
    connection: Connection, column: ColumnElement[Any], known: Iterable[str], where: ColumnElement[bool] | None = None
) -> Counts:
    query = select(column, func.count()).group_by(column)
    counts: Counts = {(name,): 0.0 for name in known}
    for name, count in connection.execute(query if where is None else query.where(where)):
        counts[str(name),] = float(count)
    return counts


def _oldest(connection: Connection) -> Counts:
    """Return the seconds for which the first waiting job of each stage has been ready."""
    since = func.coalesce(
        select(func.max(events.c.at)).where(events.c.job_id == stage_runs.c.job_id).scalar_subquery(), now()
    )
    query = select(stage_runs.c.stage, func.max(now() - since)).where(stage_runs.c.state == "ready")
    counts: Counts = {(stage,): 0.0 for stage in STAGES}
    for stage, seconds in connection.execute(query.group_by(stage_runs.c.stage)):
        counts[str(stage),] = max(0.0, float(seconds))
    return counts
