"""Live workers, and the model and execution provider of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from shared.ledger.engine import insert, now
from shared.ledger.tables import workers

ALIVE = 30.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker seen recently: its stage, and its model's card and provider where the stage has one."""

    id: str
    stage: str
    model: dict[str, Any] | None


def seen(connection: Connection, worker: Worker) -> None:
    """Record that the worker is alive."""
    values = {"stage": worker.stage, "model": worker.model, "seen": now()}
    statement = insert(connection, workers).values(id=worker.id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[workers.c.id], set_=values))


def still_there(connection: Connection, worker_id: str) -> bool:
    """Record that the worker is alive and as it was; return False if it is not known."""
    return connection.execute(update(workers).where(workers.c.id == worker_id).values(seen=now())).rowcount == 1


def gone(connection: Connection, worker_id: str) -> None:
    """Record that the worker stopped."""
    connection.execute(workers.delete().where(workers.c.id == worker_id))


def alive(connection: Connection) -> list[Worker]:
    """Return the workers seen within the last half minute, by stage."""
    query = select(workers.c.id, workers.c.stage, workers.c.model).where(workers.c.seen > now() - ALIVE)
    return [Worker(*row) for row in connection.execute(query.order_by(workers.c.stage, workers.c.id))]
