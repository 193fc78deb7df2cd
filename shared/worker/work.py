"""One claimed stage of one job, as its task sees it: inputs and outputs by name, progress, heartbeat."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from shared import failpoints
from shared.artifacts import DICOM_FILES
from shared.ledger import (
    Ledger,
    claims,
    descriptions,
    early,
    files,
    jobs,
    measurements,
    model_statistics,
    pending_puts,
    revisions,
    rollouts,
)
from shared.ledger.claims import Claim, LostLease
from shared.ledger.dicom import series
from shared.ledger.files import FileClaim
from shared.pacs import instance_list
from shared.settings import Settings
from shared.storage.base import Store, checked_file, sha256
from shared.telemetry import trace
from shared.telemetry.metrics import meters
from shared.worker.ahead import names_ahead

PROGRESS_EVERY = 0.4
"""Seconds between two writes of progress to the ledger."""


class Rules(Protocol):
    """What a claim allows: `shared.ledger.claims` for stages, `shared.ledger.files` for files."""

    def renew(self, connection: Connection, claim: Any, progress: float | None, lease: float, /) -> None:
        """Extend the lease."""

    def complete(
        self, connection: Connection, claim: Any, outputs: Iterable[jobs.Artifact], patience: float, /
    ) -> str | None:
        """Publish the outputs and return the next stage, if there is one."""

    def fail(self, connection: Connection, claim: Any, code: str, detail: str, /) -> None:
        """Record that the work failed."""

    def release(self, connection: Connection, claim: Any, wait: float, counts: bool, /) -> None:
        """Make the work due again."""


@dataclass(slots=True)
class Work:
    """One claimed stage of one job, or one claimed file of its result.

    `folder` is a scratch folder and `tool` what the stage loaded.
    """

    job: jobs.Job
    claim: Claim | FileClaim
    folder: Path
    tool: Any
    _settings: Settings
    _ledger: Ledger
    _store: Store
    _lost: threading.Event = field(default_factory=threading.Event)
    _outputs: dict[str, Path] = field(default_factory=dict)
    _offers: Sequence[str] = ()
    _found: dict[str, str] = field(default_factory=dict)
    _warnings: Sequence[str] | None = None
    _result: model_statistics.Result | None = None
    _looked_at: bool | None = None
    _last_progress: float = 0.0

    @property
    def rules(self) -> Rules:
        """Return what the claim allows."""
        return claims if isinstance(self.claim, Claim) else files

    @contextmanager
    def scan(self) -> Iterator[Path]:
        """Yield the path of the uploaded file; for a scan from a PACS, of a folder with its instances."""
        with self._ledger.read() as connection:
            scan = jobs.get_scan(connection, None, self.job.scan_id)
        if instance_list.is_instance_list(scan.key):
            source = instance_list.folder(self._store, scan.key)
        else:
            source = checked_file(self._store, scan.key, scan.sha256)
        with _traced("fetch scan", source) as path:
            yield path

    @property
    def revision(self) -> int:
        """Return the revision of the result that the work is for; 1 is the algorithm's."""
        return 1 if isinstance(self.claim, Claim) else self.claim.revision

    def described_revision(self) -> revisions.Revision | None:
        """Return who made the revision that the work is for, and what they did; None for the algorithm's."""
        if self.revision == 1:
            return None
        with self._ledger.read() as connection:
            return revisions.get(connection, self.job.id, self.revision)

    @contextmanager
    def input(self, name: str, revision: int = 1) -> Iterator[Path]:
        """Yield the path of a file that an earlier stage published, or that a revision by a person has."""
        with self._ledger.read() as connection:
            artifact = jobs.published(connection, self.job.id, revision)[name]
        with _traced("fetch", checked_file(self._store, artifact.key, artifact.sha256), file=name) as path:
            yield path

    def measurements(self) -> tuple[list[measurements.Measurement], int]:
        """Return what people measured on the scan, without arrows, and the number of the last change.

        Raises LostLease if nothing is left of it.
        """
        with self._ledger.read() as connection:
            measured = [one for one in measurements.of_job(connection, self.job.id) if one.amount]
            if not measured:
                raise LostLease(self.job.id)
            return measured, measurements.changes(connection, self.job.id)

    def output(self, name: str) -> Path:
        """Return the path at which to write a file that is published under this name."""
        return self._outputs.setdefault(name, self.folder / name)

    def offer(self, names: Sequence[str]) -> None:
        """Name the files that are written at their first request; some are requested when the job succeeds.

        Those are the files of VISCERA_FILES, and the DICOM files that are sent back to the archive of the scan.
        """
        self._offers = names

    def model(self, modality: str, images: int) -> str | None:
        """Return the key of the segmenter that the job asks for or gets from a roll-out; None: the modality's default.

        `modality` and `images`, their number, are those of the scan. Raises LostLease.
        """
        if self.job.model is not None or not isinstance(self.claim, Claim):
            return self.job.model
        with self._ledger.write() as connection:
            return rollouts.assign(connection, self.claim, modality, images)

    def use_model(self, key: str) -> None:
        """Record which model the segmenter runs: the end of the job counts as the model's. Raises LostLease."""
        if isinstance(self.claim, Claim):
            with self._ledger.write() as connection:
                claims.change_job(connection, self.claim, used_model=key)

    def measure(self, result: model_statistics.Result) -> None:
        """Say what is counted of the algorithm's result for its model; it is recorded with the outputs."""
        self._result = result

    def describe(self, *, modality: str, model: str) -> None:
        """Say what was found, by which people search for the job; it is recorded with the outputs."""
        self._found = {"modality": modality, "model": model}

    def warn(self, codes: Sequence[str]) -> None:
        """Say which warnings the result has, by which people search for the job; recorded with the outputs."""
        self._warnings = codes

    def progress(self, fraction: float) -> None:
        """Report the fraction done (0..1). Raises LostLease when this work is no longer wanted."""
        failpoints.hit(self.claim.stage, "mid-work", self.job.id)
        if self._lost.is_set():
            raise LostLease(self.job.id)
        if self._progress_is_due():
            self._last_progress = time.monotonic()
            self._renew(min(max(fraction, 0.0), 1.0))

    def wants_early(self) -> bool:
        """Return whether somebody looks at this job's early outlines, and the last ones are not too recent."""
        if self._looked_at is None:
            with self._ledger.read() as connection:
                self._looked_at = early.is_looked_at(connection, self.job.id)
        return self._looked_at and self._progress_is_due()

    def show_early(self, slab: early.Slab, data: bytes) -> None:
        """Show finished slices of the label map, gzipped NIfTI, as `shared.ledger.early` describes them.

        Raises LostLease.
        """
        if isinstance(self.claim, Claim):
            with self._ledger.write() as connection:
                claims.show_early(connection, self.claim, slab, data)

    def _progress_is_due(self) -> bool:
        return time.monotonic() - self._last_progress > PROGRESS_EVERY

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renew the lease in a thread while the context lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        renewed = time.monotonic()
        while not stop.wait(self._settings.heartbeat_seconds):
            try:
                self._renew()
                renewed = time.monotonic()
            except LostLease:
                self._lost.set()
                return
            except Exception:  # the ledger is unavailable: continue as long as the lease lasts
                if time.monotonic() - renewed > self._settings.lease_seconds:
                    self._lost.set()
                    return

    def _renew(self, progress: float | None = None) -> None:
        outcome = "failed"
        try:
            with self._ledger.write() as connection:
                self.rules.renew(connection, self.claim, progress, self._settings.lease_seconds)
                self._looked_at = early.is_looked_at(connection, self.job.id)
            outcome = "renewed"
        except LostLease:
            outcome = "lost"
            raise
        finally:
            meters().lease_renewals.labels(self.claim.stage, outcome).inc()

    def publish(self) -> list[str]:
        """Store the outputs, publish them in one transaction and return what to notify: the next stage, or files.

        If that fails, what was stored is deleted, unless the commit succeeded and only its answer was lost. Raises
        LostLease.
        """
        try:
            artifacts = self._store_outputs()
            failpoints.hit(self.claim.stage, "after-store")
            with trace.span("publish"), self._ledger.write() as connection:
                following = self.rules.complete(connection, self.claim, artifacts, self._settings.ring_seconds)
                if self._found:
                    descriptions.describe(connection, self.job.id, **self._found)
                self._record_warnings(connection)
                if self._result is not None and self.revision == 1:
                    model_statistics.add_result(connection, self.job.id, self._result)
                upcoming = [] if following is None else [following]
                return upcoming + [files.STAGE] * self._record_offers(connection)
        except BaseException:
            pending_puts.delete_unsettled(self._ledger, [self.claim.prefix], self._store.delete)
            raise

    def _record_warnings(self, connection: Connection) -> None:
        """Record the warnings unless a newer revision, which another worker finished, has recorded its own."""
        if self._warnings is None or jobs.get(connection, None, self.job.id).revision != self.revision:
            return
        descriptions.set_warnings(connection, self.job.id, self._warnings)

    def _record_offers(self, connection: Connection) -> int:
        if not self._offers:
            return 0
        ahead = names_ahead(self._settings.files, self.job.tenant)
        if not ahead.issuperset(DICOM_FILES) and series.is_from_series(connection, self.job.id):
            ahead |= set(DICOM_FILES)
        return len(files.offer(connection, self.job.id, self._offers, ahead, self.revision))

    def _store_outputs(self) -> list[jobs.Artifact]:
        artifacts = []
        for name, path in self._outputs.items():
            if self._lost.is_set():
                raise LostLease(self.job.id)
            artifact = jobs.Artifact(
                stage=self.claim.stage,
                name=name,
                key=self.claim.prefix + name,
                sha256=sha256(path),
                bytes=path.stat().st_size,
            )
            artifacts.append(artifact)
            with trace.span("store", file=name, bytes=artifact.bytes):
                self._store.put(artifact.key, path)
        return artifacts


@contextmanager
def _traced(name: str, source: AbstractContextManager[Path], **attributes: str) -> Iterator[Path]:
    """Yield the path that a context manager yields; entering it is traced as one span."""
    with trace.span(name, **attributes):
        path = source.__enter__()
    with ExitStack() as stack:
        stack.push(source)
        yield path
