"""Jobs whose result another model is compared with, after they have ended. Nothing of the job changes.

A comparison is recorded before it begins and never repeated: one that is interrupted is missing in the statistics.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from shared.ledger import rollouts
from shared.ledger.engine import insert, now
from shared.ledger.model_tables import model_outcomes, shadow_runs
from shared.ledger.model_tables import models as known_models
from shared.ledger.models import KnownModel
from shared.ledger.tables import jobs

NEWEST = 200
"""Jobs among which the next one is looked for. Where a model can't keep up, older results are left out."""


def introduce(connection: Connection, model: KnownModel) -> None:
    """Record a model under its name without offering it, unless a worker has reported it."""
    values = {"key": model.key, "name": model.name[:200], "version": model.version[:100], "offered": 0, "added": now()}
    connection.execute(insert(connection, known_models).values(**values).on_conflict_do_nothing())


def claim(connection: Connection, model: str, share: int) -> str | None:
    """Return the newest ended job whose result a model (by key) is to be compared with; None if there is none.

    Of all jobs these are `share` percent, those that a roll-out of that share would give it.
    """
    query = select(jobs.c.id, jobs.c.used_model).where(jobs.c.state == "succeeded")
    newest = connection.execute(query.order_by(jobs.c.seq.desc()).limit(NEWEST)).all()
    done = select(shadow_runs.c.job_id).where(shadow_runs.c.model == model)
    compared = set(connection.execute(done.where(shadow_runs.c.job_id.in_([row.id for row in newest]))).scalars())
    for row in newest:
        if row.used_model in {None, model} or row.id in compared or not rollouts.gets(row.id, share):
            continue
        new = insert(connection, shadow_runs).values(job_id=row.id, model=model, started=now())
        if taken := connection.execute(new.on_conflict_do_nothing().returning(shadow_runs.c.job_id)).scalar():
            return str(taken)
    return None


def record(connection: Connection, model: str, dice: Mapping[str, float], difference: Mapping[str, float]) -> None:
    """Record how a model's label map differs from a result: Dice and mL by organ. No job is named."""
    result = {"dice": dict(dice), "difference": dict(difference)}
    connection.execute(insert(connection, model_outcomes).values(model=model, at=now(), result=result))
