"""History of a job: append-only, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from shared.ledger.engine import now
from shared.ledger.tables import events


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's history: its number, its time in seconds since 1970, its kind and data."""

    id: int
    at: float
    kind: str
    data: dict[str, Any]


def record(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any] | None = None) -> None:
    """Append one event to a job's history."""
    connection.execute(insert(events).values(job_id=job_id, at=now(), kind=kind, data=dict(data or {})))


def trace_of(connection: Connection, job_id: str) -> str | None:
    """Return the traceparent of the job, if it is traced."""
    query = select(events.c.data).where(events.c.job_id == job_id, events.c.kind == "queued").order_by(events.c.id)
    data = connection.execute(query.limit(1)).scalar()
    return data.get("trace") if data else None


def history(connection: Connection, job_id: str, after: int = 0) -> list[Event]:
    """Return the events of a job after an event number, oldest first."""
    query = select(events.c.id, events.c.at, events.c.kind, events.c.data)
    query = query.where(events.c.job_id == job_id, events.c.id > after).order_by(events.c.id)
    return [Event(*row) for row in connection.execute(query)]
