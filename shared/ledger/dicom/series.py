"""Stored series, and the jobs that run on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydicom import uid
from sqlalchemy import Connection, exists, func, select, update

from shared.errors import Conflict
from shared.ledger import jobs, models, submission
from shared.ledger.dicom import requests, workitems
from shared.ledger.dicom.tables import instances, results, series, series_jobs, studies
from shared.ledger.dicom.workitems import Workitem
from shared.ledger.engine import insert, now
from shared.ledger.history import record
from shared.ledger.tables import file_runs

SUITED = ("MR", "CT")
_IMAGES = (
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
)


@dataclass(frozen=True, slots=True)
class Series:
    """A stored series; `state` is open, closed or unsuited, the latter with a `reason`."""

    id: str
    tenant: str
    study: str
    uid: str
    modality: str
    state: str
    reason: str | None
    attempt: int
    touched: float
    instances: int


def list_series(
    connection: Connection, tenant: str | None, *, quiet: float | None = None, uid: str | None = None, limit: int = 200
) -> list[Series]:
    """Return series, newest first: a tenant's, or all open ones that received nothing for `quiet` seconds."""
    count = select(func.count()).where(instances.c.series == series.c.id).scalar_subquery()
    query = select(
        series.c.id, series.c.tenant, studies.c.uid.label("study"), series.c.uid, series.c.modality, series.c.state,
        series.c.reason, series.c.attempt, series.c.touched, count.label("instances"),
    ).join(studies, studies.c.id == series.c.study)  # fmt: skip
    if tenant is not None:
        query = query.where(series.c.tenant == tenant)
    if uid is not None:
        query = query.where(series.c.uid == uid)
    if quiet is not None:
        query = query.where(series.c.state == "open", series.c.touched <= now() - quiet)
    rows = connection.execute(query.order_by(series.c.created.desc()).limit(limit))
    return [Series(**row._mapping) for row in rows]


def images(connection: Connection, series_id: str) -> tuple[list[str], str | None]:
    """Return the ids of the instances that form a volume; or none, and the reason why no job can run."""
    columns = instances.c
    query = select(columns.id, columns.sop_class, columns.frames, columns.image_type).where(columns.series == series_id)
    rows = connection.execute(query.order_by(columns.number, columns.uid)).all()
    pictures = [row for row in rows if row.sop_class in _IMAGES]
    if not pictures:
        return [], "not_mr_or_ct_images"
    shown = [row for row in pictures if "LOCALIZER" not in row.image_type]
    if not shown:
        return [], "localizer"
    original = [row for row in shown if not row.image_type.startswith("DERIVED")]
    if not original:
        return [], "derived"
    if sum(max(row.frames, 1) for row in original) < 2:
        return [], "too_few_slices"
    return [str(row.id) for row in original], None


def set_aside(connection: Connection, current: Series, reason: str) -> bool:
    """Record that a series is stored but not processed; return False if it changed meanwhile."""
    for workitem in requests.waiting(connection, current.tenant, current.uid):
        requests.cancel(connection, current.tenant, workitem)
    return _moved(connection, current, {"state": "unsuited", "reason": reason})


def attributes_of(connection: Connection, series_id: str) -> dict[str, Any]:
    """Return the attributes of a series as DICOM JSON."""
    found: dict[str, Any] = connection.execute(select(series.c.attributes).where(series.c.id == series_id)).scalar_one()
    return found


def start(
    connection: Connection,
    current: Series,
    scan: jobs.Scan,
    count: int,
    *,
    seconds: float,
    patience: float,
    model: str | None = None,
) -> str | None:
    """Close a series and start a job for its next attempt in the caller's transaction; return None if it changed
    meanwhile.

    Workitems that wait for the series get a job each on the same scan; the first one gets this job. Raises
    UnknownModel.
    """
    waiting = _possible(connection, current)
    attempt = current.attempt + max(1, len(waiting))
    if not _moved(connection, current, {"state": "closed", "reason": None, "attempt": attempt}):
        return None
    jobs.add_scan(connection, current.tenant, scan)
    asked_for: list[tuple[Workitem | None, str | None]] = [(item, request.model) for item, request in waiting]
    started = [
        _attempt(connection, current, number, scan.id, count, wanted=each, seconds=seconds, patience=patience)
        for number, each in enumerate(asked_for or [(None, model)], start=current.attempt + 1)
    ]
    return started[0]


def start_again(
    connection: Connection, current: Series, workitem: Workitem, model: str | None, *, seconds: float, patience: float
) -> str:
    """Start a further job on the scan of a closed series, for a workitem; return its id.

    Raises Conflict if the series changed meanwhile or has no scan any more, and UnknownModel.
    """
    tried = attempts(connection, [current.id]).get(current.id)
    if not tried:
        raise Conflict("The jobs of the series were erased, and its scan with them.", "series_not_open")
    job_id, attempt, count = tried[-1]
    same = (series.c.id == current.id) & (series.c.state == "closed") & (series.c.attempt == attempt)
    if connection.execute(update(series).where(same).values(attempt=attempt + 1)).rowcount != 1:
        raise Conflict("The series changed meanwhile; send the workitem again.", "workitem_changed")
    scan_id = jobs.get(connection, current.tenant, job_id).scan_id
    wanted = (workitem, model)
    return _attempt(connection, current, attempt + 1, scan_id, count, wanted=wanted, seconds=seconds, patience=patience)


def _attempt(
    connection: Connection,
    current: Series,
    attempt: int,
    scan_id: str,
    count: int,
    *,
    wanted: tuple[Workitem | None, str | None],
    seconds: float,
    patience: float,
) -> str:
    """Start the job of one attempt, for a workitem or for none; return its id."""
    workitem, model = wanted
    options = {"quality": "standard"} | ({"model": model} if model else {})
    job_id = submission.submit(connection, current.tenant, scan_id, options, seconds=seconds, patience=patience)
    values = {"job_id": job_id, "series": current.id, "attempt": attempt, "instances": count, "published": 0}
    connection.execute(insert(connection, series_jobs).values(**values))
    workitems.describe(connection, job_id, _step(connection, current))
    record(connection, job_id, "series_attempt", {"attempt": attempt, "instances": count})
    if workitem is not None:
        requests.bind(connection, current.tenant, workitem, job_id)
    return job_id


def _possible(connection: Connection, current: Series) -> list[tuple[Workitem, requests.JobRequest]]:
    """Return the workitems that wait for a series with what they ask for; one for an unknown model is cancelled."""
    found = []
    for workitem in requests.waiting(connection, current.tenant, current.uid):
        request = requests.requested(workitem.attributes)
        try:
            if request is not None and request.model:
                models.find(connection, request.model)
        except models.UnknownModel:  # it was there when the workitem was created
            requests.cancel(connection, current.tenant, workitem)
            continue
        if request is not None:
            found.append((workitem, request))
    return found


def _step(connection: Connection, current: Series) -> dict[str, Any]:
    """Return the workitem attributes of a series' job: its patient and its input series."""
    attributes = connection.execute(
        select(studies.c.attributes).join(series).where(series.c.id == current.id)
    ).scalar_one()
    patient = ("00080050", "00080090", "00100010", "00100020", "00100021", "00100030", "00100040", "0020000D")
    reference = {
        "0020000D": {"vr": "UI", "Value": [current.study]},
        "0020000E": {"vr": "UI", "Value": [current.uid]},
        "0040E020": {"vr": "CS", "Value": ["DICOM"]},
    }
    return {tag: attributes[tag] for tag in patient if tag in attributes} | {
        "00404021": {"vr": "SQ", "Value": [reference]},
    }


def _moved(connection: Connection, current: Series, values: dict[str, Any]) -> bool:
    same = (series.c.id == current.id) & (series.c.state == "open") & (series.c.touched == current.touched)
    return connection.execute(update(series).where(same).values(**values)).rowcount == 1


def attempts(connection: Connection, series_ids: list[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Return each series' attempts as (job id, attempt, number of instances), first attempt first."""
    query = select(series_jobs).where(series_jobs.c.series.in_(series_ids)).order_by(series_jobs.c.attempt)
    by_series: dict[str, list[tuple[str, int, int]]] = {}
    for row in connection.execute(query):
        by_series.setdefault(row.series, []).append((row.job_id, row.attempt, row.instances))
    return by_series


def is_from_series(connection: Connection, job_id: str) -> bool:
    """Return whether a job was started on a stored series."""
    query = select(series_jobs.c.job_id).where(series_jobs.c.job_id == job_id)
    return connection.execute(query).first() is not None


def of_same_patient(connection: Connection, tenant: str, job_id: str, limit: int = 200) -> list[tuple[str, str]]:
    """Return the jobs on stored series whose Patient ID is that of a job's series: (job id, Study Date), newest first.

    The job itself is among them. The date is YYYYMMDD or empty. There is none where the job was not started on a stored
    series, or its patient has no ID.
    """
    joined = series_jobs.join(series, series.c.id == series_jobs.c.series).join(studies, studies.c.id == series.c.study)
    own = select(studies.c.patient_id).select_from(joined)
    patient = own.where(series_jobs.c.job_id == job_id, studies.c.tenant == tenant, studies.c.patient_id != "")
    query = select(series_jobs.c.job_id, studies.c.study_date).select_from(joined)
    query = query.where(studies.c.tenant == tenant, studies.c.patient_id.in_(patient))
    newest = (studies.c.study_date.desc(), studies.c.created.desc(), series_jobs.c.attempt.desc())
    return [(row.job_id, row.study_date) for row in connection.execute(query.order_by(*newest).limit(limit))]


def publish_again(connection: Connection, names: Collection[str]) -> int:
    """Publish again the jobs that were marked as published before their files were written; return how many.

    A reconciler of an earlier version does that: it does not know that the files `names` are still to come.
    """
    written = (file_runs.c.name.in_(names)) & (file_runs.c.state != "failed") & (file_runs.c.revision == 1)
    early = (
        (series_jobs.c.published == 1)
        & exists().where(written, file_runs.c.job_id == series_jobs.c.job_id)
        & ~exists().where(results.c.job_id == series_jobs.c.job_id)
    )
    return connection.execute(update(series_jobs).where(early).values(published=0)).rowcount
