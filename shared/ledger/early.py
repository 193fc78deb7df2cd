"""Early outlines: the slices of a label map that are finished while the segmenter still works.

Somebody who follows a job can ask for them. The segmenter writes them only while somebody does. A part lives for
seconds: it is deleted in the transaction that publishes the label map or ends the job. That is why its bytes are here
and not in the store, where each would need a lease, a checksum and a deletion of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from shared.ledger.engine import insert as insert_new
from shared.ledger.engine import now
from shared.ledger.tables import early_parts, viewers

LOOKS = 15.0
"""Seconds for which one request for early outlines counts."""
LARGEST = 1 << 20
"""Bytes of one part; a larger one is not kept, and the viewer waits for the label map."""


class Slab(NamedTuple):
    """Slices `start` to `stop` (exclusive) along an axis (0 slice, 1 row, 2 column) of the scan's grid."""

    axis: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class EarlyPart:
    """Finished slices, the fields of a `Slab`.

    `number` counts from 0 within an attempt of the segmenter; `attempt` is its fence.
    """

    number: int
    attempt: int
    axis: int
    start: int
    stop: int


def look(connection: Connection, job_id: str, seconds: float = LOOKS) -> None:
    """Note that somebody looks at the early outlines of a job from now on for some seconds."""
    row = insert_new(connection, viewers).values(job_id=job_id, until=now() + seconds)
    connection.execute(row.on_conflict_do_update(index_elements=["job_id"], set_={"until": now() + seconds}))


def is_looked_at(connection: Connection, job_id: str) -> bool:
    """Return whether somebody looks at the early outlines of a job."""
    query = select(viewers.c.job_id).where(viewers.c.job_id == job_id, viewers.c.until > now())
    return connection.execute(query).first() is not None


def add(connection: Connection, job_id: str, attempt: int, slab: Slab, data: bytes) -> None:
    """Add the next part of an attempt, a gzipped NIfTI label map of its slices; the caller holds the claim.

    Parts of earlier attempts are deleted. A part of more than `LARGEST` bytes is left out.
    """
    own = early_parts.c.job_id == job_id
    connection.execute(delete(early_parts).where(own, early_parts.c.attempt != attempt))
    if len(data) > LARGEST:
        return
    number = connection.execute(select(func.count()).select_from(early_parts).where(own)).scalar_one()
    part = EarlyPart(number, attempt, *slab)
    connection.execute(insert(early_parts).values(job_id=job_id, data=data, **asdict(part)))


def parts(connection: Connection, job_id: str) -> list[EarlyPart]:
    """Return the parts that are there, in the order in which they were finished."""
    columns = early_parts.c
    query = select(columns.number, columns.attempt, columns.axis, columns.start, columns.stop)
    rows = connection.execute(query.where(columns.job_id == job_id).order_by(columns.number))
    return [EarlyPart(*row) for row in rows]


def read(connection: Connection, job_id: str, number: int, attempt: int | None = None) -> bytes | None:
    """Return the gzipped NIfTI label map of a part, None where there is none, or none of that attempt."""
    query = select(early_parts.c.data).where(early_parts.c.job_id == job_id, early_parts.c.number == number)
    if attempt is not None:
        query = query.where(early_parts.c.attempt == attempt)
    data: bytes | None = connection.execute(query).scalar()
    return data


def forget(connection: Connection, job_id: str) -> None:
    """Delete the parts of a job and who looked at them."""
    for table in (early_parts, viewers):
        connection.execute(delete(table).where(table.c.job_id == job_id))
