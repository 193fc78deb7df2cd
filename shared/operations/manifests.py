"""Manifests: copies of each scan's and job's ledger rows in the store, from which a lost ledger is rebuilt.

`scans/<id>/manifest.json` and `jobs/<id>/accepted.json` are written at acceptance, `jobs/<id>/manifest.json` at the end
of the job, and `jobs/<id>/revisions/<number>.json` for each revision that a person made. Every writer writes the same
content and it never changes, so two writers at once do no harm. Manifests have no patient data and are erased with
everything else under the prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared import scratch
from shared.errors import NotFound
from shared.ledger import Ledger, jobs, manifest_state, revisions
from shared.storage.base import Store

_SHA256 = "^[0-9a-f]{64}$"


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ScanManifest(_Manifest):
    """One scan: its tenant, and the key, SHA-256 and size of its bytes; `created` in seconds since 1970."""

    version: Literal[1] = 1
    id: str = Field(pattern="^scan_[0-9a-f]{24}$")
    tenant: str = Field(min_length=1, max_length=40)
    key: str = Field(max_length=200)
    sha256: str = Field(pattern=_SHA256)
    bytes: int = Field(ge=0)
    format: str = Field(max_length=16)
    created: float


class FileManifest(_Manifest):
    """One published file and the stage that wrote it."""

    stage: Literal["classifier", "segmenter", "mesher", "files", "revision"]
    name: str = Field(max_length=100)
    key: str = Field(max_length=200)
    sha256: str = Field(pattern=_SHA256)
    bytes: int = Field(ge=0)


class StageManifest(_Manifest):
    """One stage at the end of its job."""

    stage: Literal["classifier", "segmenter", "mesher"]
    state: str = Field(max_length=16)
    attempts: int
    progress: float
    started: float | None
    ended: float | None


class JobManifest(_Manifest):
    """One job, at acceptance (state `queued`, no artifacts) or at its end. Times in seconds since 1970."""

    version: Literal[1] = 1
    id: str = Field(pattern="^job_[0-9a-f]{24}$")
    tenant: str = Field(min_length=1, max_length=40)
    scan: str
    options: dict[str, Any]
    created: float
    deadline: float
    state: Literal["queued", "succeeded", "failed", "cancelled"] = "queued"
    started: float | None = None
    ended: float | None = None
    error_code: str | None = None
    error_detail: str | None = None
    stages: tuple[StageManifest, ...] = ()
    artifacts: tuple[FileManifest, ...] = ()
    offers: tuple[str, ...] = ()
    model: str | None = Field(default=None, pattern=_SHA256)

    def job(self) -> jobs.Job:
        """Return the job as a ledger record."""
        runs = tuple(jobs.StageRun(**run.model_dump()) for run in self.stages)
        return jobs.Job(
            seq=0,  # the ledger assigns the number
            id=self.id,
            tenant=self.tenant,
            scan_id=self.scan,
            options=self.options,
            state=self.state,
            stage=None,
            created=self.created,
            started=self.started,
            ended=self.ended,
            error_code=self.error_code,
            error_detail=self.error_detail,
            stages=runs,
            deadline=self.deadline,
            offers=self.offers,
            model=self.model,
        )

    def files(self) -> list[jobs.Artifact]:
        """Return the artifacts as ledger records."""
        return [jobs.Artifact(**file.model_dump()) for file in self.artifacts]


class RevisionManifest(_Manifest):
    """One revision by a person, at its acceptance: its label map and what the ledger knows about it."""

    version: Literal[1] = 1
    job: str = Field(pattern="^job_[0-9a-f]{24}$")
    number: int = Field(ge=2)
    base: int = Field(ge=1)
    actor: str = Field(max_length=100)
    created: float
    kinds: tuple[str, ...]
    changed: dict[str, tuple[int, int]]
    labels: FileManifest

    def edit(self) -> revisions.Edit:
        """Return what the person did as a ledger record."""
        return revisions.Edit(self.actor, self.kinds, self.changed)


def file_missing(ledger: Ledger, store: Store) -> int:
    """Write manifests that the store lacks, a limited number at once; return how many."""
    with ledger.read() as connection:
        scan_ids, job_ids = (
            manifest_state.scans_without_manifest(connection),
            manifest_state.jobs_without_manifest(connection),
        )
        made = revisions.without_manifest(connection)
    for scan_id in scan_ids:
        file_scan(ledger, store, scan_id)
    for job_id in job_ids:
        file_job(ledger, store, job_id)
    for job_id, number in made:
        file_revision(ledger, store, job_id, number)
    return len(scan_ids) + len(job_ids) + len(made)


def file_scan(ledger: Ledger, store: Store, scan_id: str) -> None:
    """Write the manifest of a scan, if the scan still exists."""
    try:
        with ledger.read() as connection:
            scan, (tenant, created) = (
                jobs.get_scan(connection, None, scan_id),
                manifest_state.owner(connection, scan_id),
            )
    except NotFound:
        return
    fields = {"key": scan.key, "sha256": scan.sha256, "bytes": scan.bytes, "format": scan.format}
    _put(store, f"scans/{scan_id}/manifest.json", ScanManifest(id=scan_id, tenant=tenant, created=created, **fields))
    with ledger.write() as connection:
        manifest_state.record_scan_manifest(connection, scan_id)


def file_job(ledger: Ledger, store: Store, job_id: str) -> None:
    """Write the acceptance or the end of a job, if the job still exists."""
    try:
        with ledger.read() as connection:
            job, files = jobs.get(connection, None, job_id), list(jobs.published(connection, job_id).values())
    except NotFound:
        return
    ended = job.ended is not None
    fields = _accepted(job) | (_ended(job, files) if ended else {})
    _put(store, f"jobs/{job_id}/{'manifest' if ended else 'accepted'}.json", JobManifest.model_validate(fields))
    with ledger.write() as connection:
        manifest_state.record_job_manifest(
            connection, job_id, manifest_state.ENDED if ended else manifest_state.ACCEPTED
        )


def file_revision(ledger: Ledger, store: Store, job_id: str, number: int) -> None:
    """Write the manifest of a revision that a person made, if its job still exists."""
    try:
        with ledger.read() as connection:
            revision = revisions.get(connection, job_id, number)
            labels = jobs.published(connection, job_id, number)[revisions.LABELS]
    except NotFound:
        return
    manifest = RevisionManifest(
        job=job_id,
        number=number,
        base=revision.base,
        actor=revision.edit.actor,
        created=revision.created,
        kinds=revision.edit.kinds,
        changed={label: (added, removed) for label, (added, removed) in revision.edit.changed.items()},
        labels=FileManifest.model_validate(asdict(labels)),
    )
    _put(store, f"jobs/{job_id}/revisions/{number}.json", manifest)
    with ledger.write() as connection:
        revisions.record_manifest(connection, job_id, number)


def file_accepted(ledger: Ledger, store: Store, scan_id: str, job_id: str | None = None) -> None:
    """Write the manifests of a new scan and job; on an error the reconciler writes them later."""
    with suppress(Exception):
        file_scan(ledger, store, scan_id)
        if job_id is not None:
            file_job(ledger, store, job_id)


def _accepted(job: jobs.Job) -> dict[str, Any]:
    return {
        "id": job.id, "tenant": job.tenant, "scan": job.scan_id, "options": job.options, "created": job.created,
        "deadline": job.deadline, "model": job.model,
    }  # fmt: skip


def _ended(job: jobs.Job, files: list[jobs.Artifact]) -> dict[str, Any]:
    stages = [{name: getattr(run, name) for name in StageManifest.model_fields} for run in job.stages]
    times = {"started": job.started, "ended": job.ended}
    errors = {"error_code": job.error_code, "error_detail": job.error_detail}
    written = {"artifacts": [asdict(file) for file in files], "offers": job.offers}
    return {"state": job.state, "stages": stages, **written, **times, **errors}


def _put(store: Store, key: str, manifest: BaseModel) -> None:
    with scratch.folder() as folder:
        path = folder / "manifest.json"
        path.write_text(manifest.model_dump_json())
        store.put(key, path)


def chunks(manifest: Iterator[bytes]) -> bytes:
    """Return the bytes of a manifest.

    Raises ValueError above 4 MiB.
    """
    content = b""
    for chunk in manifest:
        content += chunk
        if len(content) > 1 << 22:
            raise ValueError("a manifest has at most 4 MiB")
    return content
