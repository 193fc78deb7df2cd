"""The worklist (unified procedure steps): states change by compare-and-set, and only by their owner (PS3.4 CC.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from shared.errors import Conflict, NotFound
from shared.imaging.formats.origin import derived_uid
from shared.ledger.dicom.tables import workitems
from shared.ledger.engine import insert, now
from shared.ledger.ids import new_id

State = Literal["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]
FINAL = ("COMPLETED", "CANCELED")


@dataclass(frozen=True, slots=True)
class Workitem:
    """A procedure step; `holder` is the Transaction UID of its claim, `job_id` the job that it represents."""

    uid: str
    state: str
    holder: str | None
    job_id: str | None
    attributes: dict[str, Any]
    created: float
    updated: float


_COLUMNS = [workitems.c[name] for name in Workitem.__slots__]


def create(
    connection: Connection, tenant: str, uid: str, attributes: dict[str, Any], job_id: str | None = None
) -> None:
    """Create a scheduled workitem.

    Raises Conflict if the UID is taken.
    """
    statement = insert(connection, workitems).values(
        id=new_id("ups"), tenant=tenant, uid=uid, state="SCHEDULED", job_id=job_id, attributes=attributes,
        created=now(), updated=now(),
    )  # fmt: skip
    if connection.execute(statement.on_conflict_do_nothing().returning(workitems.c.id)).first() is None:
        raise Conflict("There is a workitem with this UID already.", "workitem_exists")


def describe(connection: Connection, job_id: str, attributes: dict[str, Any]) -> None:
    """Set the patient and input attributes of a job's workitem."""
    connection.execute(update(workitems).where(workitems.c.job_id == job_id).values(attributes=attributes))


def job_uid(job_id: str) -> str:
    """Return the UID of the workitem that represents a job."""
    return derived_uid(job_id, "UPS")


def get(connection: Connection, tenant: str, uid: str) -> Workitem:
    """Return the workitem.

    Raises NotFound, also for a workitem of another tenant.
    """
    condition = (workitems.c.tenant == tenant) & (workitems.c.uid == uid)
    row = connection.execute(select(*_COLUMNS).where(condition)).first()
    if row is None:
        raise NotFound("There is no such workitem.")
    return Workitem(**row._mapping)


def find(connection: Connection, tenant: str) -> Iterator[Workitem]:
    """Yield a tenant's workitems, newest first."""
    query = select(*_COLUMNS).where(workitems.c.tenant == tenant)
    for row in connection.execute(query.order_by(workitems.c.created.desc(), workitems.c.id)):
        yield Workitem(**row._mapping)


def change(
    connection: Connection,
    tenant: str,
    current: Workitem,
    *,
    state: State | None = None,
    holder: str | None = None,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Change a workitem unless it changed since it was read.

    Raises Conflict then.
    """
    values: dict[str, Any] = {"updated": now(), "holder": holder if holder is not None else current.holder}
    values |= {"state": state} if state is not None else {}
    values |= {"attributes": attributes} if attributes is not None else {}
    same = (workitems.c.tenant == tenant) & (workitems.c.uid == current.uid)
    same &= (workitems.c.state == current.state) & (workitems.c.updated == current.updated)
    if connection.execute(update(workitems).where(same).values(**values)).rowcount != 1:
        raise Conflict("The workitem changed meanwhile.", "workitem_changed")
