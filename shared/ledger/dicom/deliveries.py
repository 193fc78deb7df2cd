"""Results on their way to other systems: an outbox with leases, fences and back-off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from shared.errors import Conflict, NotFound
from shared.ledger.dicom.tables import deliveries, instances, results, series
from shared.ledger.engine import insert, now
from shared.ledger.ids import new_id

ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = 5.0, 1800.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A revision of the result of one job for one destination; `state` is pending, sending, delivered or failed."""

    id: str
    tenant: str
    job_id: str
    destination: str
    state: str
    attempts: int
    fence: int
    error: str | None
    created: float
    ended: float | None
    revision: int = 1


_COLUMNS = [deliveries.c[name] for name in Delivery.__slots__]


def plan(connection: Connection, tenant: str, job_id: str, destinations: list[str], revision: int = 1) -> None:
    """Record that a revision must be sent; a destination that is already recorded for it stays as it is."""
    for destination in destinations:
        statement = insert(connection, deliveries).values(
            id=new_id("delivery"), tenant=tenant, job_id=job_id, revision=revision, destination=destination,
            state="pending", attempts=0, fence=0, due=now(), created=now(),
        )  # fmt: skip
        connection.execute(statement.on_conflict_do_nothing())


def take(connection: Connection, lease: float) -> Delivery | None:
    """Take the delivery that has been due longest, for `lease` seconds; return None if none is due."""
    due = deliveries.c.state.in_(("pending", "sending")) & (deliveries.c.due <= now())
    first = connection.execute(select(*_COLUMNS).where(due).order_by(deliveries.c.due).limit(1)).first()
    if first is None:
        return None
    condition = (deliveries.c.id == first.id) & (deliveries.c.fence == first.fence) & due
    values = {"state": "sending", "fence": first.fence + 1, "attempts": first.attempts + 1, "due": now() + lease}
    row = connection.execute(update(deliveries).where(condition).values(**values).returning(*_COLUMNS)).first()
    return None if row is None else Delivery(**row._mapping)


def settle(connection: Connection, delivery: Delivery, error: str | None) -> None:
    """Record the result of an attempt: delivered, due again later, or failed after the last one.

    A lost lease changes nothing.
    """
    condition = (
        (deliveries.c.id == delivery.id) & (deliveries.c.fence == delivery.fence) & (deliveries.c.state == "sending")
    )
    values: dict[str, Any]
    if error is None:
        values = {"state": "delivered", "due": None, "error": None, "ended": now()}
    elif delivery.attempts >= ATTEMPTS:
        values = {"state": "failed", "due": None, "error": error[:300], "ended": now()}
    else:
        wait = min(FIRST_WAIT * 2.0 ** (delivery.attempts - 1), LONGEST_WAIT)
        values = {"state": "pending", "due": now() + wait, "error": error[:300]}
    connection.execute(update(deliveries).where(condition).values(**values))


def retry(connection: Connection, tenant: str, delivery_id: str) -> None:
    """Make a failed or waiting delivery due now.

    Raises NotFound, or Conflict for one that is sent or delivered.
    """
    condition = (deliveries.c.id == delivery_id) & (deliveries.c.tenant == tenant)
    again = condition & deliveries.c.state.in_(("failed", "pending"))
    values = {"state": "pending", "attempts": 0, "due": now(), "ended": None}
    if connection.execute(update(deliveries).where(again).values(**values)).rowcount != 1:
        state = connection.execute(select(deliveries.c.state).where(condition)).scalar()
        if state is None:
            raise NotFound("There is no such delivery.")
        raise Conflict(f"The delivery can't be retried in this state: {state}.", "delivery_state")


def page(
    connection: Connection, tenant: str, *, job_id: str | None = None, state: str | None = None, limit: int = 100
) -> list[Delivery]:
    """Return a tenant's deliveries, newest first."""
    query = select(*_COLUMNS).where(deliveries.c.tenant == tenant)
    if job_id is not None:
        query = query.where(deliveries.c.job_id == job_id)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    rows = connection.execute(query.order_by(deliveries.c.created.desc(), deliveries.c.id).limit(limit))
    return [Delivery(**row._mapping) for row in rows]


def get(connection: Connection, tenant: str, delivery_id: str) -> Delivery:
    """Return the delivery with this id.

    Raises NotFound, also for a delivery of another tenant.
    """
    query = select(*_COLUMNS).where(deliveries.c.id == delivery_id, deliveries.c.tenant == tenant)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    return Delivery(**row._mapping)


def contents(
    connection: Connection, job_id: str, modalities: Collection[str] | None = None, revision: int = 1
) -> list[tuple[str, str]]:
    """Return the result instances of a revision, of these modalities only, as (instance id, SOP Instance UID)."""
    query = select(instances.c.id, instances.c.uid).join(results, results.c.instance == instances.c.id)
    query = query.where(results.c.job_id == job_id, results.c.revision == revision)
    if modalities is not None:
        query = query.join(series, series.c.id == instances.c.series).where(series.c.modality.in_(modalities))
    return [(row.id, row.uid) for row in connection.execute(query)]
