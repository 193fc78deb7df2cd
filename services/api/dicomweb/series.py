"""/v1/dicom/series: stored series, their jobs, and closing a series by hand."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.api.dicomweb.openapi import REFUSED
from services.api.gateway import DicomReader, DicomWriter, GatewayDep
from shared.errors import Conflict, NotFound
from shared.ledger import jobs
from shared.ledger.dicom import series as ledger_series
from shared.pacs import series as work
from shared.worker.queue import notify

router = APIRouter(prefix="/v1/dicom/series", tags=["dicom"], responses=REFUSED)


class Attempt(BaseModel):
    """A job that was started on a series, and its number of instances."""

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


class PatientJob(BaseModel):
    """A job on a study of a patient; `study_date` is YYYYMMDD, None where the study has none."""

    job: str
    study_date: str | None


class PatientJobs(BaseModel):
    """The jobs on studies of one patient, newest study first."""

    items: list[PatientJob]


jobs_router = APIRouter(prefix="/v1/dicom/jobs/{job_id}", tags=["dicom"], responses=REFUSED)


@jobs_router.get("/same-patient")
def list_jobs_of_same_patient(job_id: str, gateway: GatewayDep, caller: DicomReader) -> PatientJobs:
    """Return the jobs whose studies have the Patient ID of this job's study, this job included.

    There is none for a scan that was uploaded: only the studies of the archive's index have a patient.
    """
    with gateway.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        found = ledger_series.of_same_patient(connection, caller.tenant, job_id)
    return PatientJobs(items=[PatientJob(job=job, study_date=date or None) for job, date in found])


@router.get("")
def list_series(
    gateway: GatewayDep,
    caller: DicomReader,
    series: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SeriesList:
    """Return the tenant's series, or the one with this Series Instance UID."""
    with gateway.reading(caller) as connection:
        stored = ledger_series.list_series(connection, caller.tenant, uid=series, limit=limit)
        attempts = ledger_series.attempts(connection, [item.id for item in stored])
    return SeriesList(items=[_view(item, attempts.get(item.id, [])) for item in stored])


@router.post("/{series}/close")
def close(series: str, gateway: GatewayDep, caller: DicomWriter) -> SeriesView:
    """Close an open series now, without the quiet time; 409 if it is not open."""
    with gateway.reading(caller) as connection:
        stored = ledger_series.list_series(connection, caller.tenant, uid=series, limit=1)
    if not stored:
        raise NotFound("There is no such series.")
    if stored[0].state != "open":
        raise Conflict(f"The series is not open: {stored[0].state}.", "series_not_open")
    job_id = work.close(gateway.ledger, gateway.store, gateway.settings, stored[0])
    if job_id is not None:
        with suppress(Exception):  # the reconciler notifies again
            notify(gateway.queue, job_id, "classifier")
    return list_series(gateway, caller, series, 1).items[0]


def _view(stored: ledger_series.Series, attempts: list[Any]) -> SeriesView:
    tried = [Attempt(job=job, attempt=attempt, instances=count) for job, attempt, count in attempts]
    return SeriesView(
        study=stored.study, series=stored.uid, modality=stored.modality, state=stored.state, reason=stored.reason,
        instances=stored.instances, attempts=tried,
    )  # fmt: skip
