"""Corrections of a job's outlines: from a request with If-Match to a durable revision."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from services.api.gateway import Gateway
from services.api.spool import spool_folder
from services.api.views import missing_file
from services.api.volumes import organs_of
from shared import failpoints, sandbox
from shared.errors import PreconditionFailed, PreconditionRequired
from shared.imaging.volume import Organ
from shared.ledger import api_keys, audit, files, jobs, revisions
from shared.ledger.revisions import LABELS, Counts, Edit, Labels
from shared.storage.base import checked_file, sha256
from shared.telemetry.trace import span
from shared.worker.queue import notify

logger = logging.getLogger("viscera.api.revisions")


@dataclass(frozen=True, slots=True)
class Base:
    """What a correction starts from: the current label map, that which it edits, and the label set.

    They differ where the caller repeats a request whose revision is already there.
    """

    current: Labels
    edited: Labels
    organs: tuple[Organ, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """One request to correct the outlines of a job; `if_match` is its header.

    `values` are the ids of an uploaded label map's values, where it has values of its own.
    """

    gateway: Gateway
    caller: api_keys.Caller
    job_id: str
    if_match: str | None
    values: Mapping[int, int] | None = None

    def base(self) -> Base:
        """Return what the correction starts from.

        Raises NotFound, Conflict while the job has no result, PreconditionRequired without the ETag of a label map, and
        PreconditionFailed where another revision is newer.
        """
        with self.gateway.reading(self.caller) as connection:
            job = jobs.get(connection, self.caller.tenant, self.job_id)
            if job.state != "succeeded":
                raise missing_file(job, LABELS)
            current = revisions.current(connection, self.job_id)
            edited = self._edited(connection, current)
            files = jobs.published(connection, self.job_id)
        return Base(current, edited, organs_of(self.gateway.store, files))

    def make(self, upload: Path | None, edits: Sequence[dict[str, Any]], kinds: tuple[str, ...]) -> Labels:
        """Make a revision from an uploaded label map or from edits, and return it.

        Without a change, and for a request that is repeated, that is the current one. Raises what `base` and
        `sandbox.correct` raise; then nothing is stored.
        """
        base = self.base()
        with spool_folder(self.gateway.settings.spool, "labels") as folder:
            out = folder / LABELS
            changed = self._correct(base, upload, edits, out)
            digest = sha256(out)
            if digest == base.current.artifact.sha256:
                return base.current
            if base.edited != base.current:
                with self.gateway.reading(self.caller) as connection:
                    raise _changed(connection, self.job_id, base.current)
            if not changed:
                return base.current
            try:
                return self._store(base.current, out, digest, Edit(self.caller.key_id, kinds, changed))
            except revisions.Changed:  # another request was faster
                return self.make(upload, edits, kinds)

    def preview(self, edits: Sequence[dict[str, Any]]) -> bytes:
        """Return the label map that edits would make, NIfTI; nothing is stored. Raises what `make` raises."""
        base = self.base()
        self.gateway.audit(self.caller, "read", self.job_id)
        if base.edited != base.current:
            with self.gateway.reading(self.caller) as connection:
                raise _changed(connection, self.job_id, base.current)
        with spool_folder(self.gateway.settings.spool, "labels") as folder:
            self._correct(base, None, edits, folder / LABELS)
            return (folder / LABELS).read_bytes()

    def _correct(self, base: Base, upload: Path | None, edits: Sequence[dict[str, Any]], out: Path) -> Counts:
        artifact = base.edited.artifact
        stored = checked_file(self.gateway.store, artifact.key, artifact.sha256)
        with self.gateway.turns.in_thread(self.caller.tenant), stored as path, span("correct labels"):
            return sandbox.correct(path, out, base.organs, upload=upload, edits=edits, values=self.values)

    def _store(self, base: Labels, path: Path, digest: str, edit: Edit) -> Labels:
        """Make the label map durable, record the revision and notify a worker."""
        prefix, tenant = revisions.new_prefix(self.job_id), self.caller.tenant
        labels = jobs.Artifact(revisions.STAGE, LABELS, prefix + LABELS, digest, path.stat().st_size)
        with self.gateway.announced([prefix]):
            self.gateway.store.put(labels.key, path)
            failpoints.hit("gateway", "after-store", self.job_id)
            patience = self.gateway.settings.ring_seconds
            with self.gateway.writing(self.caller) as connection:
                number = revisions.add(connection, self.job_id, base, labels, edit, patience)
                audit.record(connection, tenant, self.caller.key_id, "revise", self.job_id)
        failpoints.hit("gateway", "after-commit", self.job_id)
        logger.info("revision accepted", extra={"job": self.job_id, "tenant": tenant, "revision": number})
        with suppress(Exception):  # the broker is unavailable: the reconciler notifies when it is back
            notify(self.gateway.queue, self.job_id, files.STAGE, urgent=True)
        return Labels(number, labels)

    def _edited(self, connection: Connection, current: Labels) -> Labels:
        """Return the label map that If-Match names: the current one, or its base where the caller made the current."""
        tags = [tag.strip() for tag in (self.if_match or "").split(",")]
        if not any(tag.startswith('"') for tag in tags):
            raise PreconditionRequired(
                "Say in If-Match which label map you corrected: the ETag with which labels.nii.gz was answered.",
                "if_match_required",
            )
        if _tag(current) in tags:
            return current
        revision = None if current.revision == 1 else revisions.get(connection, self.job_id, current.revision)
        if revision is not None and revision.edit.actor == self.caller.key_id:
            before = jobs.published(connection, self.job_id, revision.base).get(LABELS)
            if before is not None and _tag(base := Labels(revision.base, before)) in tags:
                return base
        raise _changed(connection, self.job_id, current)


def _changed(connection: Connection, job_id: str, current: Labels) -> PreconditionFailed:
    """Return the error that says which revision is current, by whom, when and what changed."""
    members: dict[str, Any] = {"revision": current.revision, "etag": _tag(current)}
    if current.revision > 1:
        revision = revisions.get(connection, job_id, current.revision)
        members |= {"edited_by": revision.edit.actor, "edited_at": _time(revision.created)}
        members |= {"kinds": list(revision.edit.kinds), "changed": changes(revision.edit.changed)}
    detail = f"Revision {current.revision} is current: it is newer than the label map that you corrected."
    return PreconditionFailed(detail, "revision_changed", members)


def changes(counts: Counts) -> list[dict[str, int]]:
    """Return the voxels that each label gained and lost as JSON."""
    ordered = sorted(counts.items(), key=lambda item: int(item[0]))
    return [{"label": int(label), "added": added, "removed": removed} for label, (added, removed) in ordered]


def _tag(labels: Labels) -> str:
    return f'"{labels.artifact.sha256}"'


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
