"""What became of a soak's jobs, and which bounds that breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from bench.soak_system import Kill
from shared.ledger import Ledger
from shared.ledger.claims import ATTEMPTS
from shared.ledger.jobs import OPEN
from shared.ledger.tables import artifacts, events, jobs, stage_runs

Report = dict[str, Any]
ENDS = ("succeeded", "failed", "cancelled")
RECOVERED_WITHIN = 60.0
SUCCEEDED_AT_LEAST = 0.99


def count(ledger: Ledger, sent: Sequence[str]) -> Report:
    """lost: not in the ledger; doubled: two ends, or two results of one name; stuck: without an end."""
    with ledger.read() as connection:
        rows = {row.id: row for row in connection.execute(select(jobs.c.id, jobs.c.state, jobs.c.error_code))}
        ends = Counter(connection.execute(select(events.c.job_id).where(events.c.kind.in_(ENDS))).scalars())
        done = connection.execute(select(events.c.job_id, events.c.data).where(events.c.kind == "stage_done"))
        results = Counter((row.job_id, row.data["stage"]) for row in done)
        files = Counter(map(tuple, connection.execute(select(artifacts.c.job_id, artifacts.c.name))))
        tries = connection.execute(select(stage_runs.c.attempts)).scalars().all()
    codes = Counter(row.error_code for row in rows.values() if row.state == "failed")
    twice = {job for job, n in ends.items() if n > 1} | {job for job, n in results.items() if n > 1}
    return {
        "jobs": len(sent),
        "lost": sum(job not in rows for job in sent),
        "doubled": len(twice | {job for (job, _), n in files.items() if n > 1}) + len(sent) - len(set(sent)),
        "stuck": sum(rows[job].state in OPEN for job in sent if job in rows),
        "succeeded": sum(rows[job].state == "succeeded" for job in sent if job in rows),
        "worker_lost": codes.pop("worker_lost", 0),
        "other_failures": dict(codes),
        "most_tries": max(tries, default=0),
    }


def recovery(ledger: Ledger, kills: Iterable[Kill]) -> Report:
    """Seconds from a kill to the next claim of a stage that the killed worker held."""
    query = select(events.c.job_id, events.c.at, events.c.data).where(events.c.kind == "stage_started")
    begun: dict[tuple[str, str], list[float]] = {}
    with ledger.read() as connection:
        for row in connection.execute(query.order_by(events.c.id)):
            begun.setdefault((row.job_id, row.data["stage"]), []).append(row.at)
    waits = []
    for kill in kills:
        for job, stage, _ in kill.held:
            later = [at for at in begun[job, stage] if at > kill.at]
            waits += [later[0] - kill.at] if later else []
    return summary(waits)


def waits(ledger: Ledger, chosen: Iterable[str]) -> Report:
    """Seconds from acceptance to the end of these jobs."""
    wanted = set(chosen)
    with ledger.read() as connection:
        rows = connection.execute(select(jobs.c.id, jobs.c.created, jobs.c.ended).where(jobs.c.ended.is_not(None)))
        return summary([row.ended - row.created for row in rows if row.id in wanted])


def summary(seconds: Sequence[float]) -> Report:
    """How many there are, and p50, p95, p99 and the longest."""
    if not seconds:
        return {"count": 0}
    found = {f"p{q}": round(float(np.percentile(seconds, q)), 2) for q in (50, 95, 99)}
    return {"count": len(seconds), **found, "max": round(max(seconds), 2)}


def broken(report: Report, poison: int = 0) -> list[str]:
    """The bounds that a report of the system breaks, in words; `poison` jobs are meant to fail as `worker_lost`."""
    good = report["jobs"] - poison
    bounds = {
        "no job lost": report["lost"] == 0,
        "no job doubled": report["doubled"] == 0,
        "no job stuck": report["stuck"] == 0,
        "at least 99 % succeeded": report["succeeded"] >= SUCCEEDED_AT_LEAST * good,
        "no failure but worker_lost": not report["other_failures"],
        f"at most {ATTEMPTS} tries": report["most_tries"] <= ATTEMPTS,
        "p99 of recovery under 60 s": report["recovery"].get("p99", 0.0) < RECOVERED_WITHIN,
    }
    if poison:
        bounds["every poison job ends as worker_lost"] = report["worker_lost"] >= poison
        bounds["p95 of neighbours at most doubled"] = report["neighbours"]["p95"] <= 2.0 * report["undisturbed"]["p95"]
    return [name for name, kept in bounds.items() if not kept]
