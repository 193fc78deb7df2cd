"""/v1/dicom/series: which series were stored, what became of them, and closing one by hand."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.api.dicomweb.openapi import REFUSED
from services.api.gateway import Connections, DicomReader, DicomWriter
from shared.errors import Conflict, NotFound
from shared.ledger.dicom import series as ledger_series
from shared.pacs import series as work
from shared.worker.queue import notify

router = APIRouter(prefix="/v1/dicom/series", tags=["dicom"], responses=REFUSED)


class Attempt(BaseModel):
    """A job that was started on a series, and how many instances it saw."""

    job: str
    attempt: int
    instances: int


class SeriesView(BaseModel):
    """A stored series: open, closed (a job was started), unsuited (for a reason) or result."""

    study: str
    series: str
    modality: str
    state: str
    reason: str | None
    instances: int
    attempts: list[Attempt]


class SeriesList(BaseModel):
    """Series, newest first."""

    items: list[SeriesView]


@router.get("")
def list_series(
    connections: Connections,
    caller: DicomReader,
    series: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SeriesList:
    """The tenant's series, or the one with this Series Instance UID."""
    with connections.reading(caller) as connection:
        found = ledger_series.list_series(connection, caller.tenant, uid=series, limit=limit)
        attempts = ledger_series.attempts(connection, [item.id for item in found])
    return SeriesList(items=[_view(item, attempts.get(item.id, [])) for item in found])


@router.post("/{series}/close")
def close(series: str, connections: Connections, caller: DicomWriter) -> SeriesView:
    """Closes an open series now, without waiting for quiet; 409 if it is not open."""
    with connections.reading(caller) as connection:
        found = ledger_series.list_series(connection, caller.tenant, uid=series, limit=1)
    if not found:
        raise NotFound("There is no such series.")
    if found[0].state != "open":
        raise Conflict(f"The series is not open: {found[0].state}.", "series_not_open")
    job_id = work.close(connections.ledger, connections.store, connections.settings, found[0])
    if job_id is not None:
        with suppress(Exception):  # the reconciler rings
            notify(connections.queue, job_id, "classifier")
    return list_series(connections, caller, series, 1).items[0]


def _view(found: ledger_series.Series, attempts: list[Any]) -> SeriesView:
    tried = [Attempt(job=job, attempt=attempt, instances=count) for job, attempt, count in attempts]
    return SeriesView(
        study=found.study, series=found.uid, modality=found.modality, state=found.state, reason=found.reason,
        instances=found.instances, attempts=tried,
    )  # fmt: skip
