"""The models that segmenters have, by name: a job that asks for one waits for a worker that has it.

Workers report what they have. A model stays known after its last worker has stopped, because a pool may be at zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from shared.errors import Unprocessable
from shared.ledger import workers
from shared.ledger.engine import insert, now
from shared.ledger.jobs import MODEL_REMOVED, end
from shared.ledger.model_tables import models
from shared.ledger.tables import jobs, stage_runs

PATIENCE = 60.0
"""Seconds that a job waits for a worker that has its model, while other workers of the stage are there."""
STAGE = "segmenter"


class UnknownModel(Unprocessable):
    """No model has the name that a job asks for."""

    code = "unknown_model"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model by the key of its card (`shared.models.card`); `offered` is whether new jobs may ask for it.

    `modalities` are those of its card, `channels` is how many images of a patient it reads.
    """

    key: str
    name: str
    version: str
    offered: bool
    modalities: tuple[str, ...] = ("MR",)
    channels: int = 1


def report(connection: Connection, known: Iterable[KnownModel]) -> None:
    """Record the models that a worker has."""
    for model in known:
        values = {
            "name": model.name[:200], "version": model.version[:100], "offered": int(model.offered),
            "modalities": list(model.modalities), "channels": model.channels,
        }  # fmt: skip
        row = insert(connection, models).values(key=model.key, added=now(), **values)
        connection.execute(row.on_conflict_do_update(index_elements=[models.c.key], set_=values))


def find(connection: Connection, name: str) -> str:
    """Return the key of the model NAME, of several versions the one added last, or of NAME@VERSION.

    Raises UnknownModel.
    """
    plain, _, version = name.partition("@")
    offered = select(models.c.key).where(models.c.name == plain, models.c.offered == 1)
    if version:
        offered = offered.where(models.c.version == version)
    key = connection.execute(offered.order_by(models.c.added.desc()).limit(1)).scalar()
    if key is None:
        names = connection.execute(select(models.c.name).where(models.c.offered == 1).distinct()).scalars()
        there = ", ".join(sorted(names)) or "none so far"
        raise UnknownModel(f"No model here has that name; there are: {there}.")
    return str(key)


def wanted(connection: Connection) -> set[str]:
    """Return the key of every model that an open job asks for."""
    query = select(jobs.c.model).where(jobs.c.state.in_(("queued", "running")), jobs.c.model.is_not(None)).distinct()
    return {str(key) for key in connection.execute(query).scalars()}


def of_worker(worker: workers.Worker) -> Collection[str]:
    """Return the key of the models that a worker has; one of an earlier version has only its own."""
    about = worker.model or {}
    known: list[str] = about.get("models", [])
    return known


def end_without_worker(connection: Connection) -> int:
    """End jobs that have waited a while for a model that no live worker has; return how many.

    While no segmenter is alive at all, they wait: its pool may be starting.
    """
    alive = [worker for worker in workers.alive(connection) if worker.stage == STAGE]
    if not alive:
        return 0
    there = {key for worker in alive for key in of_worker(worker)}
    before, run = stage_runs.alias(), stage_runs.c
    waits = (run.stage == STAGE) & (run.state == "ready") & (before.c.stage == "classifier")
    query = select(jobs.c.id).join(stage_runs, run.job_id == jobs.c.id).join(before, before.c.job_id == jobs.c.id)
    query = query.where(waits, before.c.ended < now() - PATIENCE, jobs.c.stage == STAGE)
    query = query.where(jobs.c.model.is_not(None), jobs.c.model.not_in(there))
    sentence = "The model that the job asks for was removed; send the scan again with another one."
    ids = connection.execute(query.order_by(jobs.c.id)).scalars().all()
    return sum(end(connection, job_id, "failed", MODEL_REMOVED, sentence) for job_id in ids)
