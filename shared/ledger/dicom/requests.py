"""Workitems that ask this service for a job on a series; their Scheduled Workitem Code names the model.

A workitem waits, SCHEDULED, until its series is closed. Then it becomes the workitem of the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from shared.errors import Unprocessable
from shared.ledger.dicom.tables import workitems
from shared.ledger.dicom.workitems import Workitem, job_uid
from shared.ledger.engine import now

SCHEME = "99VISCERA"
"""Coding Scheme Designator of the codes of this service."""
DEFAULT = "VISCERA"
"""Code Value that asks for the default model; any other one is the name of a model."""
_CODE, _INPUT = "00404018", "00404021"
_VALUE, _LONG_VALUE, _DESIGNATOR = "00080100", "00080119", "00080102"
_SERIES = "0020000E"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a workitem asks for: a job on a series, by a model (None: the default)."""

    series: str
    model: str | None


def requested(attributes: dict[str, Any]) -> JobRequest | None:
    """Return what a workitem (DICOM JSON) asks this service for; None if it is for another performer.

    Raises Unprocessable where it does not name one series.
    """
    code = next((code for code in _items(attributes, _CODE) if _text(code, _DESIGNATOR) == SCHEME), None)
    if code is None:
        return None
    value = _text(code, _LONG_VALUE) or _text(code, _VALUE)
    named = {_text(item, _SERIES) for item in _items(attributes, _INPUT)}
    if len(named) != 1 or "" in named or not value:
        sentence = "A workitem for this service has a code value and an Input Information Sequence of one series."
        raise Unprocessable(sentence, "bad_workitem")
    return JobRequest(named.pop(), None if value == DEFAULT else value)


def _items(attributes: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    found = attributes.get(tag, {}).get("Value") or []
    return [item for item in found if isinstance(item, dict)]


def _text(item: dict[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0]).strip()


def wait(connection: Connection, tenant: str, uid: str, series: str) -> None:
    """Have a workitem wait for a series."""
    same = (workitems.c.tenant == tenant) & (workitems.c.uid == uid)
    connection.execute(update(workitems).where(same).values(series=series))


def waiting(connection: Connection, tenant: str, series: str) -> list[Workitem]:
    """Return the workitems that wait for a series, the oldest first."""
    columns = [workitems.c[name] for name in Workitem.__slots__]
    query = select(*columns).where(workitems.c.tenant == tenant, workitems.c.series == series)
    query = query.where(workitems.c.state == "SCHEDULED", workitems.c.job_id.is_(None))
    return [Workitem(**row._mapping) for row in connection.execute(query.order_by(workitems.c.created, workitems.c.id))]


def bind(connection: Connection, tenant: str, workitem: Workitem, job_id: str) -> None:
    """Make a workitem that of a job, in the place of the job's own, whose patient and input it gets."""
    own = (workitems.c.tenant == tenant) & (workitems.c.uid == job_uid(job_id))
    described = connection.execute(select(workitems.c.attributes).where(own)).scalar_one()
    connection.execute(delete(workitems).where(own))
    same = (workitems.c.tenant == tenant) & (workitems.c.uid == workitem.uid)
    values = {"job_id": job_id, "attributes": workitem.attributes | described, "updated": now()}
    connection.execute(update(workitems).where(same).values(**values))


def cancel(connection: Connection, tenant: str, workitem: Workitem) -> None:
    """Cancel a workitem on whose series no job can run."""
    same = (workitems.c.tenant == tenant) & (workitems.c.uid == workitem.uid)
    connection.execute(update(workitems).where(same).values(state="CANCELED", updated=now()))
