"""Views of the model that people save under a name. They belong to the job, as measurements do.

Their names may be personal: they are in the ledger alone, erased with the job, and never in logs or messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from shared.errors import NotFound, TooMany
from shared.ledger.engine import now
from shared.ledger.tables import saved_views

MOST = 100
"""Views of one job."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view; `actor` saved it at `created` (seconds since 1970), and `number` counts its changes from 1."""

    id: str
    name: str
    look: Mapping[str, Any]
    """Camera, organs, cut and slice, as the gateway's model of them has it."""
    actor: str
    created: float
    number: int


class Changed(Exception):
    """The view is not the one that the caller saw."""


def of_job(connection: Connection, job_id: str) -> list[SavedView]:
    """Return the views of a job, oldest first."""
    query = select(saved_views).where(saved_views.c.job_id == job_id)
    return [_view(row) for row in connection.execute(query.order_by(saved_views.c.created, saved_views.c.id))]


def put(  # noqa: PLR0917
    connection: Connection, job_id: str, wanted: str, name: str, look: Mapping[str, Any], actor: str, seen: int
) -> SavedView:
    """Add a view, or change the one with the id `wanted` if its number is `seen`.

    The caller has locked the job. The same again changes nothing.

    Raises Changed if it is another one, and TooMany for one more than a job may have.
    """
    before = _get(connection, job_id, wanted)
    if before is None:
        _check_count(connection, job_id)
        row = {"job_id": job_id, "id": wanted, "actor": actor, "created": now(), "number": 1}
        connection.execute(insert(saved_views).values(**row, name=name, look=dict(look)))
    elif (before.name, before.look) == (name, look):
        return before
    elif before.number != seen:
        raise Changed
    else:
        changed = {"name": name, "look": dict(look), "number": before.number + 1}
        connection.execute(update(saved_views).where(*_same(job_id, wanted)).values(**changed))
    after = _get(connection, job_id, wanted)
    assert after is not None  # noqa: S101 - it was just written
    return after


def remove(connection: Connection, job_id: str, wanted: str) -> None:
    """Remove a view of a job that the caller has locked.

    Raises NotFound.
    """
    if not connection.execute(delete(saved_views).where(*_same(job_id, wanted))).rowcount:
        raise NotFound("There is no such view.")


def _check_count(connection: Connection, job_id: str) -> None:
    query = select(func.count()).where(saved_views.c.job_id == job_id)
    if connection.execute(query).scalar_one() >= MOST:
        raise TooMany(f"A job has at most {MOST} views.", "quota_views")


def _same(job_id: str, wanted: str) -> tuple[Any, Any]:
    return saved_views.c.job_id == job_id, saved_views.c.id == wanted


def _get(connection: Connection, job_id: str, wanted: str) -> SavedView | None:
    row = connection.execute(select(saved_views).where(*_same(job_id, wanted))).first()
    return None if row is None else _view(row)


def _view(row: Row[Any]) -> SavedView:
    return SavedView(row.id, row.name, row.look, row.actor, row.created, row.number)
