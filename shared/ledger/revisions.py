"""Revisions of a result: label maps that a person corrected. Revision 1 is the algorithm's and never changes.

A revision's label map is in the store before its row is committed. The row in `file_runs` of the same transaction
makes its model and report due; that row has lease, fence and attempts (`shared.ledger.files`), and its state is the
revision's. The job has ended and stays as it is. A revision that fails is not current: the next one has the same base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from shared.errors import NotFound
from shared.ledger import files, pending_puts
from shared.ledger.engine import now
from shared.ledger.ids import new_id
from shared.ledger.jobs import NOTIFY_AGAIN, RESULT, Artifact, lock, publish, published
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import file_runs, revisions

LABELS = "labels.nii.gz"
"""As in `shared.artifacts`, which imports nibabel."""
STAGE = "revision"
"""What artifacts say instead of a stage: a person is their source."""

Counts = Mapping[str, Sequence[int]]
"""Voxels that a revision added and removed, by the id of the label."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person did: who (as the audit trail names them), the kinds of edits, the voxels changed."""

    actor: str
    kinds: tuple[str, ...]
    changed: Counts


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision by a person; `base` is the revision that it edits, times are seconds since 1970."""

    job_id: str
    number: int
    base: int
    edit: Edit
    created: float
    state: files.State
    ended: float | None
    error_code: str | None
    offers: tuple[str, ...]

    @property
    def is_pending(self) -> bool:
        """Return whether its model is still to come."""
        return self.state in {"ready", "running"}


@dataclass(frozen=True, slots=True)
class Labels:
    """The current label map of a job: revision number and stored file."""

    revision: int
    artifact: Artifact


class Changed(Exception):
    """Another revision than the expected one is current."""


def new_prefix(job_id: str) -> str:
    """Return a store prefix for one corrected label map; it is announced before bytes are put there."""
    return f"jobs/{job_id}/revisions/{new_id('labels')}/"


def of_job(connection: Connection, job_id: str) -> list[Revision]:
    """Return the revisions that persons made, oldest first."""
    same = (file_runs.c.job_id == revisions.c.job_id) & (file_runs.c.revision == revisions.c.number)
    states = (file_runs.c.state, file_runs.c.ended, file_runs.c.error_code)
    query = select(revisions, *states).join(file_runs, same & (file_runs.c.name == RESULT))
    rows = connection.execute(query.where(revisions.c.job_id == job_id).order_by(revisions.c.number))
    return [_revision(row) for row in rows]


def get(connection: Connection, job_id: str, number: int) -> Revision:
    """Return one revision by a person.

    Raises NotFound.
    """
    for revision in of_job(connection, job_id):
        if revision.number == number:
            return revision
    raise NotFound("There is no such revision.")


def current(connection: Connection, job_id: str) -> Labels:
    """Return the label map that the next edit is based on: the newest revision that did not fail.

    Raises KeyError if the job has no label map.
    """
    numbers = [revision.number for revision in of_job(connection, job_id) if revision.state != "failed"]
    number = max(numbers, default=1)
    return Labels(number, published(connection, job_id, number)[LABELS])


def add(  # noqa: PLR0917
    connection: Connection, job_id: str, base: Labels, labels: Artifact, edit: Edit, patience: float = NOTIFY_AGAIN
) -> int:
    """Record a corrected label map whose bytes are durable, and return its number.

    The caller notifies a worker; the reconciler does so after `patience` seconds. Raises Changed if `base` is no longer
    current, NotFound if the job was erased, and Unavailable if the bytes are already to be deleted.
    """
    lock(connection, job_id)
    try:
        if current(connection, job_id) != base:
            raise Changed
    except KeyError as error:
        raise NotFound("There is no such job.") from error
    highest = select(func.max(revisions.c.number)).where(revisions.c.job_id == job_id)
    number = 1 + int(connection.execute(highest).scalar() or 1)
    insert_row(connection, job_id, number, base=base.revision, edit=edit, labels=labels, patience=patience)
    pending_puts.settle(connection, [labels.key.removesuffix(labels.name)])
    return number


def insert_row(
    connection: Connection,
    job_id: str,
    number: int,
    *,
    base: int,
    edit: Edit,
    labels: Artifact,
    patience: float,
    created: float | None = None,
) -> None:
    """Insert a revision, its label map and the row that makes its model due; `created` is now by default."""
    changed = {label: list(counts) for label, counts in edit.changed.items()}
    values = {"base": base, "actor": edit.actor, "kinds": list(edit.kinds), "changed": changed}
    moment = now() if created is None else created
    connection.execute(insert(revisions).values(job_id=job_id, number=number, created=moment, **values))
    publish(connection, job_id, [labels], number)
    files.add(connection, job_id, RESULT, patience, number)


def without_manifest(connection: Connection, limit: int = 64) -> list[tuple[str, int]]:
    """Return (job id, number) of revisions whose manifest is not in the store yet."""
    query = select(revisions.c.job_id, revisions.c.number).where(revisions.c.filed == 0).limit(limit)
    return [(row.job_id, row.number) for row in connection.execute(query)]


def record_manifest(connection: Connection, job_id: str, number: int) -> None:
    """Record that the store has the manifest; schedule its deletion if the job was erased meanwhile."""
    same = (revisions.c.job_id == job_id) & (revisions.c.number == number)
    if not connection.execute(update(revisions).where(same).values(filed=1)).rowcount:
        schedule_delete(connection, f"jobs/{job_id}/")


def restore(
    connection: Connection, job_id: str, number: int, *, base: int, edit: Edit, labels: Artifact, created: float
) -> bool:
    """Restore a revision of an ended job; return False if the ledger has it. Its model and report are due again."""
    known = (revisions.c.job_id == job_id) & (revisions.c.number == number)
    if connection.execute(select(revisions.c.number).where(known)).first() is not None:
        return False
    insert_row(connection, job_id, number, base=base, edit=edit, labels=labels, patience=NOTIFY_AGAIN, created=created)
    connection.execute(update(revisions).where(known).values(filed=1))
    return True


def _revision(row: Row[Any]) -> Revision:
    return Revision(
        job_id=row.job_id,
        number=row.number,
        base=row.base,
        edit=Edit(row.actor, tuple(row.kinds), row.changed),
        created=row.created,
        state=row.state,
        ended=row.ended,
        error_code=row.error_code,
        offers=tuple(row.offers or ()),
    )
