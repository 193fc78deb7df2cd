"""Scans and jobs: create, read, list, end."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from shared.errors import Conflict, NotFound
from shared.ledger import early, model_statistics, order, webhooks
from shared.ledger.engine import insert as insert_new
from shared.ledger.engine import now, unconfined
from shared.ledger.history import record
from shared.ledger.ids import new_id
from shared.ledger.tables import (
    artifacts,
    file_runs,
    jobs,
    revision_artifacts,
    revisions,
    scans,
    stage_runs,
    tenants,
)

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
OPEN = ("queued", "running")
NOTIFY_AGAIN = 10.0
"""Seconds after which the reconciler notifies a stage again that no worker claimed."""
STAGES = ("classifier", "segmenter", "mesher")
MODEL_REMOVED = "model_removed"
"""Error code of a job whose model no worker has any more."""
RESULT = "result"
"""Name of the row in `file_runs` for the first files of a revision, which are published together."""


@dataclass(frozen=True, slots=True)
class Scan:
    """An accepted upload: the key, SHA-256 and size of its bytes, and what its headers say (None: not known)."""

    id: str
    key: str
    sha256: str
    bytes: int
    format: str
    about: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of one job: state (waiting, ready, running, done, failed, cancelled), attempts, progress, times."""

    stage: str
    state: str
    attempts: int
    progress: float
    started: float | None
    ended: float | None


@dataclass(frozen=True, slots=True)
class Job:
    """One job; times are seconds since 1970. `offers` are the files that are written when they are requested.

    `model` is the key of the segmenter that the job asks for, or that it got from a roll-out. `warnings` (code, detail)
    were known before the work. `revision` is the newest finished revision of its result, and `revised_offers` are the
    files of that one where a person made it.
    """

    seq: int
    id: str
    tenant: str
    scan_id: str
    options: dict[str, Any]
    state: State
    stage: str | None
    created: float
    started: float | None
    ended: float | None
    error_code: str | None
    error_detail: str | None
    stages: tuple[StageRun, ...]
    position: int | None = None
    deadline: float = 0.0
    expires: float | None = None
    offers: tuple[str, ...] = ()
    model: str | None = None
    warnings: tuple[dict[str, str], ...] = ()
    revision: int = 1
    revised_offers: tuple[str, ...] = ()

    @property
    def current_offers(self) -> tuple[str, ...]:
        """Return the files that the newest finished revision offers."""
        return self.revised_offers if self.revision > 1 else self.offers


@dataclass(frozen=True, slots=True)
class Artifact:
    """One published file of a job: the stage that wrote it, its name, store key, SHA-256 and size in bytes."""

    stage: str
    name: str
    key: str
    sha256: str
    bytes: int


def ensure_tenant(connection: Connection, tenant: str) -> None:
    """Create the tenant if it does not exist."""
    connection.execute(insert_new(connection, tenants).values(id=tenant, created=now()).on_conflict_do_nothing())


def add_scan(connection: Connection, tenant: str, scan: Scan) -> Scan:
    """Record an upload whose bytes are already durable in the store."""
    connection.execute(insert(scans).values(tenant=tenant, created=now(), **asdict(scan)))
    return scan


def get_scan(connection: Connection, tenant: str | None, scan_id: str) -> Scan:
    """Return the upload with this id.

    Raises NotFound, also for a scan of another tenant.
    """
    columns = (scans.c[name] for name in Scan.__slots__)
    query = select(*columns).where(scans.c.id == scan_id)
    row = connection.execute(query if tenant is None else query.where(scans.c.tenant == tenant)).first()
    if row is None:
        raise NotFound("There is no such scan.")
    return Scan(*row)


def create(
    connection: Connection,
    tenant: str,
    scan_id: str,
    options: Mapping[str, Any],
    *,
    seconds: float,
    patience: float = NOTIFY_AGAIN,
    trace: str | None = None,
    model: str | None = None,
    warnings: Sequence[Mapping[str, str]] = (),
) -> str:
    """Create a queued job on an accepted scan that must end within `seconds`; return its id.

    The caller notifies the first stage; the reconciler does so after `patience` seconds. `trace` is the traceparent of
    the stages' spans, `model` the key of the segmenter that the job asks for, `warnings` what speaks against the scan.
    """
    job_id = new_id("job")
    connection.execute(
        insert(jobs).values(
            id=job_id, tenant=tenant, scan_id=scan_id, options=dict(options), state="queued", stage=STAGES[0],
            created=now(), deadline=now() + seconds, model=model, warnings=[dict(each) for each in warnings] or None,
        )
    )  # fmt: skip
    rows = [
        {"job_id": job_id, "stage": stage, "state": "waiting", "attempts": 0, "fence": 0, "progress": 0.0}
        for stage in STAGES
    ]
    connection.execute(insert(stage_runs), rows)
    first = (stage_runs.c.job_id == job_id) & (stage_runs.c.stage == STAGES[0])
    connection.execute(update(stage_runs).where(first).values(state="ready", ring_at=now() + patience))
    record(connection, job_id, "queued", {"trace": trace} if trace else {})
    return job_id


def get(connection: Connection, tenant: str | None, job_id: str) -> Job:
    """Return the job with its stages.

    Raises NotFound, also for a job of another tenant.
    """
    query = select(jobs).where(jobs.c.id == job_id)
    row = connection.execute(query if tenant is None else query.where(jobs.c.tenant == tenant)).first()
    if row is None:
        raise NotFound("There is no such job.")
    return _jobs(connection, [row])[0]


def page(
    connection: Connection,
    tenant: str,
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
    *,
    since: float | None = None,
    until: float | None = None,
    only: str | None = None,
    where: Sequence[ColumnElement[bool]] = (),
) -> list[Job]:
    """Return up to `limit` jobs of a tenant, newest first, older than sequence number `before`.

    `since` (inclusive) and `until` (exclusive) limit the time of creation; `only` is the one job that a caller may see.
    `where` are further conditions, such as those of `shared.ledger.descriptions`.
    """
    query = select(jobs).where(jobs.c.tenant == tenant, *where)
    conditions: tuple[tuple[ColumnElement[Any], Callable[[Any, Any], Any], Any], ...] = (
        (jobs.c.state, operator.eq, state), (jobs.c.seq, operator.lt, before), (jobs.c.created, operator.ge, since),
        (jobs.c.created, operator.lt, until), (jobs.c.id, operator.eq, only),
    )  # fmt: skip
    for column, compare, limit_value in conditions:
        if limit_value is not None:
            query = query.where(compare(column, limit_value))
    return _jobs(connection, list(connection.execute(query.order_by(jobs.c.seq.desc()).limit(limit))))


def several(connection: Connection, job_ids: Iterable[str]) -> list[Job]:
    """Return the existing jobs with these ids, of any tenant."""
    return _jobs(connection, list(connection.execute(select(jobs).where(jobs.c.id.in_(list(job_ids))))))


def published(connection: Connection, job_id: str, revision: int = 1) -> dict[str, Artifact]:
    """Return the artifacts of a job by name: those of its stages, or those of a revision that a person made."""
    table = artifacts if revision == 1 else revision_artifacts
    query = select(*(table.c[name] for name in Artifact.__slots__)).where(table.c.job_id == job_id)
    if revision != 1:
        query = query.where(revision_artifacts.c.revision == revision)
    return {row.name: Artifact(**row._mapping) for row in connection.execute(query.order_by(table.c.key))}


def publish(connection: Connection, job_id: str, written: Iterable[Artifact], revision: int = 1) -> None:
    """Record artifacts of a job, or of a revision that a person made."""
    table, same = (artifacts, {}) if revision == 1 else (revision_artifacts, {"revision": revision})
    rows = [{"job_id": job_id, **same, **asdict(artifact)} for artifact in written]
    if rows:
        connection.execute(insert(table), rows)


def published_of(connection: Connection, job_ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the names of the artifacts of each of these jobs."""
    names: dict[str, set[str]] = {job_id: set() for job_id in job_ids}
    query = select(artifacts.c.job_id, artifacts.c.name).where(artifacts.c.job_id.in_(list(names)))
    for row in connection.execute(query):
        names[row.job_id].add(row.name)
    return names


def cancel(connection: Connection, tenant: str, job_id: str) -> None:
    """End an open job as cancelled, at once.

    Raises Conflict with the end state if it had ended.
    """
    if not end(connection, job_id, "cancelled", tenant=tenant):
        state = get(connection, tenant, job_id).state
        raise Conflict(f"The job has already ended: {state}.", f"job_{state}")


def end(
    connection: Connection,
    job_id: str,
    state: State,
    code: str | None = None,
    detail: str | None = None,
    *,
    tenant: str | None = None,
) -> bool:
    """End an open job; return False if it is not open. Exactly one caller gets True."""
    where = (jobs.c.id == job_id) & jobs.c.state.in_(OPEN)
    if tenant is not None:
        where &= jobs.c.tenant == tenant
    values = {"state": state, "error_code": code, "error_detail": detail, "stage": None}
    ending = update(jobs).where(where).values(ended=now(), **values)
    ending = ending.returning(jobs.c.tenant, jobs.c.used_model, jobs.c.model)
    row = connection.execute(ending).first()
    if row is None:
        return False
    left = (stage_runs.c.job_id == job_id) & (stage_runs.c.state != "done")
    connection.execute(update(stage_runs).where(left).values(state=state, lease_until=None, ring_at=None))
    early.forget(connection, job_id)
    record(connection, job_id, state, {"code": code} if code else {})
    model = row.used_model or (row.model if code == MODEL_REMOVED else None)
    if model is not None:
        model_statistics.add_end(connection, model, state)
    error = {"code": code, "detail": detail} if code else None
    webhooks.announce(connection, row.tenant, f"job.{state}", {"id": job_id, "state": state, "error": error})
    return True


def lock(connection: Connection, job_id: str) -> None:
    """Lock the job's row before its stages' rows: a fixed lock order avoids deadlocks."""
    connection.execute(select(jobs.c.seq).where(jobs.c.id == job_id).with_for_update())


def _jobs(connection: Connection, rows: list[Row[Any]]) -> list[Job]:
    ids = [row.id for row in rows]
    runs: dict[str, dict[str, StageRun]] = {job_id: {} for job_id in ids}
    columns = stage_runs.c
    query = select(
        columns.job_id, columns.stage, columns.state, columns.attempts, columns.progress, columns.started, columns.ended
    ).where(columns.job_id.in_(ids))
    for row in connection.execute(query):
        runs[row.job_id][row.stage] = StageRun(*row[1:])
    positions = _positions(connection, rows)
    newest = _newest_revisions(connection, [row.id for row in rows if row.state == "succeeded"])
    return [_job(row, runs[row.id], positions.get(row.seq), newest.get(row.id, (1, ()))) for row in rows]


def _newest_revisions(connection: Connection, ids: list[str]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return number and offers of the newest finished revision of those jobs that have one by a person."""
    if not ids:
        return {}
    columns = file_runs.c
    same = (columns.job_id == revisions.c.job_id) & (columns.revision == revisions.c.number)
    query = select(revisions.c.job_id, revisions.c.number, revisions.c.offers).join(file_runs, same)
    query = query.where(columns.name == RESULT, columns.state == "done", revisions.c.job_id.in_(ids))
    rows = connection.execute(query.order_by(revisions.c.number))
    return {row.job_id: (row.number, tuple(row.offers or ())) for row in rows}


def _positions(connection: Connection, rows: list[Row[Any]]) -> dict[int, int]:
    """Return positions in the queue by sequence number; nothing if none of these jobs is queued."""
    if all(row.state != "queued" for row in rows):
        return {}
    with unconfined(connection):
        return order.positions(connection, STAGES[0])


def _job(row: Row[Any], runs: dict[str, StageRun], position: int | None, newest: tuple[int, tuple[str, ...]]) -> Job:
    return Job(
        seq=row.seq,
        id=row.id,
        tenant=row.tenant,
        scan_id=row.scan_id,
        options=row.options,
        warnings=tuple(row.warnings or ()),
        state=row.state,
        stage=row.stage,
        created=row.created,
        started=row.started,
        ended=row.ended,
        error_code=row.error_code,
        error_detail=row.error_detail,
        stages=tuple(runs[stage] for stage in STAGES if stage in runs),
        position=position,
        deadline=row.deadline,
        expires=row.expires,
        offers=tuple(row.offers or ()),
        model=row.model,
        revision=newest[0],
        revised_offers=newest[1],
    )
