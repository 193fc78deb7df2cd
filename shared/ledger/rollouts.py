"""Roll-outs: a share of the jobs that name no model gets a new one, until the roll-out ends.

Which jobs these are depends on their ids alone, so a larger share keeps the jobs of a smaller one. The model of a job
is recorded once, before the classifier decides whether to score; a roll-out that ends later does not change it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, select

from shared.errors import VisceraError
from shared.ledger import claims, models, workers
from shared.ledger.claims import Claim
from shared.ledger.engine import insert, now
from shared.ledger.model_tables import models as known_models
from shared.ledger.model_tables import rollouts

WHOLE = 100
"""The share of a roll-out is in percent."""


class BadRollOut(VisceraError):
    """A roll-out that can't begin as asked."""

    code = "bad_roll_out"


@dataclass(frozen=True, slots=True)
class RollOut:
    """The roll-out of a model (key, name, version) to `share` percent of a modality's jobs.

    `since` is in seconds since 1970, `channels` the number of images that the model reads; `offered` is whether new
    jobs may get it.
    """

    modality: str
    model: str
    name: str
    version: str
    share: int
    since: float
    channels: int
    offered: bool


def begin(connection: Connection, name: str, share: int) -> list[RollOut]:
    """Give the model NAME or NAME@VERSION to `share` percent of the jobs of its modalities; return its roll-outs.

    A roll-out of the same model gets the new share. Raises UnknownModel, and BadRollOut for another share than 1 to
    100, for a model whose modalities no worker has reported, and while another model is rolled out.
    """
    if not 1 <= share <= WHOLE:
        raise BadRollOut(f"The share of a roll-out is 1 to {WHOLE} percent.")
    key = models.find(connection, name)
    modalities = connection.execute(select(known_models.c.modalities).where(known_models.c.key == key)).scalar() or []
    if not modalities:
        raise BadRollOut(f"No segmenter of this version has reported {name} yet; try again in a few seconds.")
    for running in every(connection):
        if running.modality in modalities and running.model != key:
            raise BadRollOut(
                f"{running.name} {running.version} is rolled out; end that first: viscera models roll-back."
            )
    for modality in modalities:
        row = insert(connection, rollouts).values(modality=modality, model=key, share=share, since=now())
        connection.execute(row.on_conflict_do_update(index_elements=[rollouts.c.modality], set_={"share": share}))
    return [running for running in every(connection) if running.model == key]


def end(connection: Connection) -> list[RollOut]:
    """End all roll-outs and return them; jobs that have their model already keep it."""
    ended = every(connection)
    connection.execute(rollouts.delete())
    return ended


def every(connection: Connection) -> list[RollOut]:
    """Return the roll-outs, by modality."""
    columns = known_models.c
    query = select(
        rollouts.c.modality, rollouts.c.model, columns.name, columns.version, rollouts.c.share, rollouts.c.since,
        columns.channels, columns.offered,
    ).join(known_models, columns.key == rollouts.c.model)  # fmt: skip
    rows = [row._mapping for row in connection.execute(query.order_by(rollouts.c.modality))]
    return [RollOut(**{**row, "offered": bool(row["offered"])}) for row in rows]


def gets(job_id: str, share: int) -> bool:
    """Return whether a job is among the `share` percent of all."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8]) % WHOLE < share


def assign(connection: Connection, claim: Claim, modality: str, images: int) -> str | None:
    """Record and return the model that a roll-out gives to a job that names none; None: the modality's default.

    `images` is the number of images of the job's scan; a model that reads another number gets no job, nor does one that
    no longer is offered or that no live segmenter has. Raises LostLease if the claim is no longer valid.
    """
    # Until this transaction ends the roll-out can't: once it has ended, no further job gets the model.
    row = select(rollouts.c.modality).where(rollouts.c.modality == modality).with_for_update(read=True)
    if connection.execute(row).first() is None:
        return None
    found = [each for each in every(connection) if each.modality == modality and _takes(connection, each, images)]
    if not found or not gets(claim.job_id, found[0].share):
        return None
    claims.change_job(connection, claim, model=found[0].model)
    return found[0].model


def _takes(connection: Connection, rollout: RollOut, images: int) -> bool:
    """Return whether jobs can get the model; while no segmenter is alive its pool may be at zero, and they wait."""
    if not rollout.offered or rollout.channels != images:
        return False
    alive = [worker for worker in workers.alive(connection) if worker.stage == models.STAGE]
    return not alive or any(rollout.model in models.of_worker(worker) for worker in alive)
