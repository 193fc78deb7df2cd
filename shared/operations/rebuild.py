"""Rebuilds a lost ledger from the manifests in the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection

from shared.errors import NotFound
from shared.ledger import Ledger, audit, manifest_state, revisions
from shared.ledger.jobs import STAGES, Artifact, Scan
from shared.ledger.pending_deletes import schedule_delete
from shared.operations.manifests import JobManifest, RevisionManifest, ScanManifest, chunks
from shared.storage.base import Store

Manifest = TypeVar("Manifest", bound=BaseModel)
APART = 1_000_000
"""Added to the fences of open jobs: a worker of the lost ledger that still writes then uses other keys."""


@dataclass(slots=True)
class Rebuilt:
    """Counts: scans, ended jobs, open jobs and revisions that were restored; jobs that existed; and (id, reason) of
    those that were lost.
    """

    scans: int = 0
    ended: int = 0
    opened: int = 0
    known: int = 0
    revisions: int = 0
    lost: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    manifest: JobManifest
    fences: dict[str, set[int]]
    revisions: list[RevisionManifest] = field(default_factory=list)


def rebuild(ledger: Ledger, store: Store) -> Rebuilt:
    """Restore every scan and job whose manifest and files are complete, oldest first; existing rows stay."""
    result = Rebuilt()
    scans = dict(_scans(store, result))
    candidates = sorted(_jobs(store, result), key=lambda candidate: (candidate.manifest.created, candidate.manifest.id))
    tenants = set()
    for candidate in candidates:
        scan = scans.get(candidate.manifest.scan)
        why = _why_not(store, candidate.manifest, scan)
        if why or scan is None:
            result.lost.append((candidate.manifest.id, why))
        elif _restore(ledger, store, candidate, scan, result):
            tenants.add(candidate.manifest.tenant)
    for scan in scans.values():
        if not whole(store, scan.key, scan.bytes):
            continue
        with ledger.write() as connection:
            result.scans += manifest_state.restore_scan(connection, scan.tenant, _scan(scan))
    for tenant in sorted(tenants):
        with ledger.write() as connection:
            audit.record(connection, tenant, "operator", "rebuild", "ledger")
    return result


def whole(store: Store, key: str, size: int) -> bool:
    """Return whether the store has exactly this many bytes under a key."""
    try:
        return sum(len(chunk) for chunk in store.read(key, max(0, size - 1), size + 1)) == min(size, 1)
    except (NotFound, ValueError):
        return False


def _restore(ledger: Ledger, store: Store, candidate: _Found, scan: ScanManifest, result: Rebuilt) -> bool:
    manifest = candidate.manifest
    with ledger.write() as connection:
        result.scans += manifest_state.restore_scan(connection, scan.tenant, _scan(scan))
        fences = {stage: max(used, default=0) + APART for stage, used in candidate.fences.items()}
        if not manifest_state.restore_job(connection, manifest.job(), manifest.files(), fences):
            result.known += 1
            return False
        if manifest.ended is None:
            for prefix in (
                f"jobs/{manifest.id}/{stage}/{n}/" for stage in candidate.fences for n in candidate.fences[stage]
            ):
                schedule_delete(connection, prefix)
        else:
            result.revisions += _restore_revisions(connection, store, candidate, result)
    result.ended += manifest.ended is not None
    result.opened += manifest.ended is None
    return True


def _restore_revisions(connection: Connection, store: Store, candidate: _Found, result: Rebuilt) -> int:
    """Restore the revisions whose label map is whole; return how many."""
    restored, job_id = 0, candidate.manifest.id
    for made in sorted(candidate.revisions, key=lambda made: made.number):
        labels = Artifact(**made.labels.model_dump())
        if labels.key.startswith(f"jobs/{job_id}/revisions/") and whole(store, labels.key, labels.bytes):
            restored += revisions.restore(
                connection,
                job_id,
                made.number,
                base=made.base,
                edit=made.edit(),
                labels=labels,
                created=made.created,
            )
        else:
            result.lost.append((f"{job_id} revision {made.number}", "its label map is not whole"))
    return restored


def _why_not(store: Store, manifest: JobManifest, scan: ScanManifest | None) -> str:
    """Return why a job can't be restored; empty if it can."""
    if scan is None or scan.tenant != manifest.tenant:
        return "its scan has no manifest"
    if manifest.ended is None and not whole(store, scan.key, scan.bytes):
        return "its scan is not whole"
    for artifact in manifest.artifacts:
        if not artifact.key.startswith(f"jobs/{manifest.id}/") or not whole(store, artifact.key, artifact.bytes):
            return f"its {artifact.name} is not whole"
    return ""


def _scans(store: Store, result: Rebuilt) -> Iterator[tuple[str, ScanManifest]]:
    for key in store.keys("scans/"):
        _, scan_id, name = key.split("/", 2)
        if name == "manifest.json":
            manifest = _read(store, key, ScanManifest)
            if manifest is None or manifest.id != scan_id or not manifest.key.startswith(f"scans/{scan_id}/"):
                result.lost.append((scan_id, "its manifest can't be read"))
            else:
                yield scan_id, manifest


def _jobs(store: Store, result: Rebuilt) -> Iterator[_Found]:
    for job_id, keys in groupby(store.keys("jobs/"), key=lambda key: key.split("/")[1]):
        names = [key.split("/", 2)[2] for key in keys]
        name = next((name for name in ("manifest.json", "accepted.json") if name in names), None)
        if name is None:
            continue  # the remains of an erased job, whose deletion is pending
        manifest = _read(store, f"jobs/{job_id}/{name}", JobManifest)
        if manifest is None or manifest.id != job_id or (manifest.ended is None) != (manifest.state == "queued"):
            result.lost.append((job_id, "its manifest can't be read"))
        else:
            yield _Found(manifest, _fences(names), list(_revisions(store, job_id, names, result)))


def _revisions(store: Store, job_id: str, names: list[str], result: Rebuilt) -> Iterator[RevisionManifest]:
    for name in names:
        if re.fullmatch(r"revisions/[0-9]+\.json", name):
            manifest = _read(store, f"jobs/{job_id}/{name}", RevisionManifest)
            if manifest is None or manifest.job != job_id or name != f"revisions/{manifest.number}.json":
                result.lost.append((f"{job_id} {name}", "its manifest can't be read"))
            else:
                yield manifest


def _fences(names: list[str]) -> dict[str, set[int]]:
    """Return the fences of each stage under which the store has files."""
    used: dict[str, set[int]] = {stage: set() for stage in STAGES}
    for name in names:
        stage, _, rest = name.partition("/")
        fence = rest.partition("/")[0]
        if stage in used and fence.isdecimal():
            used[stage].add(int(fence))
    return used


def _read(store: Store, key: str, kind: type[Manifest]) -> Manifest | None:
    try:
        return kind.model_validate_json(chunks(store.read(key)))
    except (NotFound, ValueError):
        return None


def _scan(manifest: ScanManifest) -> Scan:
    return Scan(manifest.id, manifest.key, manifest.sha256, manifest.bytes, manifest.format)
