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


LISTED = 64
"""Deliveries that wait for their files, as one round of the reconciler takes them."""
_COLUMNS = [deliveries.c[name] for name in Delivery.__slots__]


def plan(connection: Connection, tenant: str, job_id: str, destinations: list[str], revision: int = 1) -> None:
    """Record that a revision must be sent; a destination that is already recorded for it stays as it is."""
    for destination in destinations:
        statement = insert(connection, deliveries).values(
            id=new_id("delivery"), tenant=tenant, job_id=job_id, revision=revision, destination=destination,
            state="pending", attempts=0, fence=0, due=now(), created=now(),
        )  # fmt: skip
        connection.execute(statement.on_conflict_do_nothing())


def request(  # noqa: PLR0917
    connection: Connection, tenant: str, job_id: str, destination: str, revision: int, ready: bool
) -> Delivery:
    """Send a revision to a destination, again if it was sent; a delivery that is on its way stays as it is.

    Unless the result is `ready`, in the archive of the tenant, the delivery waits until `release`.
    """
    plan(connection, tenant, job_id, [destination], revision)
    columns = deliveries.c
    same = (columns.job_id == job_id) & (columns.revision == revision) & (columns.destination == destination)
    values = {"state": "pending", "attempts": 0, "due": now() if ready else None, "error": None, "ended": None}
    connection.execute(update(deliveries).where(same & (columns.state != "sending")).values(**values))
    return Delivery(**connection.execute(select(*_COLUMNS).where(same)).one()._mapping)


_WAITING = (deliveries.c.state == "pending") & deliveries.c.due.is_(None)


def waiting(connection: Connection) -> list[tuple[str, int]]:
    """Return the (job id, revision) of deliveries that wait for their files."""
    query = select(deliveries.c.job_id, deliveries.c.revision).where(_WAITING).distinct().limit(LISTED)
    return [(row.job_id, row.revision) for row in connection.execute(query)]


def release(connection: Connection, job_id: str, revision: int) -> None:
    """Make the deliveries due that waited for the files of a revision."""
    same = (deliveries.c.job_id == job_id) & (deliveries.c.revision == revision)
    connection.execute(update(deliveries).where(same & _WAITING).values(due=now()))


def give_up(connection: Connection, job_id: str, revision: int, error: str) -> None:
    """End the deliveries that wait for files which there can't be."""
    same = (deliveries.c.job_id == job_id) & (deliveries.c.revision == revision)
    values = {"state": "failed", "error": error[:300], "ended": now()}
    connection.execute(update(deliveries).where(same & _WAITING).values(**values))


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
    """Make a failed delivery due now, or one that waits for its next attempt.

    Raises NotFound, or Conflict for one that is sent or delivered, or that waits for its files.
    """
    condition = (deliveries.c.id == delivery_id) & (deliveries.c.tenant == tenant)
    again = condition & deliveries.c.state.in_(("failed", "pending")) & ~_WAITING
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
