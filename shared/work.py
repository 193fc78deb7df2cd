"""One claimed stage of one job, as its core's task sees it: inputs by name, outputs by name, progress, a heartbeat."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared import trace
from shared.dicom import manifest
from shared.errors import Unavailable
from shared.fault import point
from shared.ledger import Ledger, claims, jobs
from shared.ledger.claims import Claim, LostLease
from shared.metrics import meters
from shared.settings import settings
from shared.store import Store, sha256

PROGRESS_EVERY = 0.4


@dataclass(slots=True)
class Work:
    """One claimed stage of one job, as its core's task sees it: inputs by name, outputs by name, progress."""

    job: jobs.Job
    claim: Claim
    folder: Path
    tool: Any
    _ledger: Ledger
    _store: Store
    _lost: threading.Event = field(default_factory=threading.Event)
    _outputs: dict[str, Path] = field(default_factory=dict)
    _told: float = 0.0

    @contextmanager
    def scan(self) -> Iterator[Path]:
        """The upload as it came; of a series that came in pieces, a folder of its instances."""
        with self._ledger.read() as connection:
            scan = jobs.get_scan(connection, None, self.job.scan_id)
        pieces = manifest.is_manifest(scan.key)
        held = manifest.folder(self._store, scan.key) if pieces else _whole(self._store, scan.key, scan.sha256)
        with _traced("fetch scan", held) as path:
            yield path

    @contextmanager
    def input(self, name: str) -> Iterator[Path]:
        """A file that an earlier stage published."""
        with self._ledger.read() as connection:
            made = jobs.published(connection, self.job.id)[name]
        with _traced("fetch", _whole(self._store, made.key, made.sha256), file=name) as path:
            yield path

    def output(self, name: str) -> Path:
        """Where to write a file that shall be published under this name."""
        return self._outputs.setdefault(name, self.folder / name)

    def progress(self, fraction: float) -> None:
        """Tells how much is done (0..1); raises LostLease when this work is no longer wanted."""
        point(self.claim.stage, "mid-work", self.job.id)
        if self._lost.is_set():
            raise LostLease(self.job.id)
        if time.monotonic() - self._told > PROGRESS_EVERY:
            self._told = time.monotonic()
            self._renew(min(max(fraction, 0.0), 1.0))

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renews the lease in the background for as long as the context lasts."""
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
        while not stop.wait(settings().heartbeat_seconds):
            try:
                self._renew()
                renewed = time.monotonic()
            except LostLease:
                self._lost.set()
                return
            except Exception:  # the ledger is away: hold on as long as the lease does
                if time.monotonic() - renewed > settings().lease_seconds:
                    self._lost.set()
                    return

    def _renew(self, progress: float | None = None) -> None:
        outcome = "failed"
        try:
            with self._ledger.write() as connection:
                claims.renew(connection, self.claim, progress, settings().lease_seconds)
            outcome = "renewed"
        except LostLease:
            outcome = "lost"
            raise
        finally:
            meters().lease_renewals.labels(self.claim.stage, outcome).inc()

    def publish(self) -> str | None:
        """Stores the outputs and publishes them at once; returns the next stage. Raises LostLease."""
        done = []
        for name, path in self._outputs.items():
            done.append(jobs.Artifact(name, self.claim.prefix + name, sha256(path), path.stat().st_size))
            with trace.span("store", file=name, bytes=done[-1].bytes):
                self._store.put(done[-1].key, path)
        point(self.claim.stage, "after-store")
        with trace.span("publish"), self._ledger.write() as connection:
            return claims.complete(connection, self.claim, done, settings().ring_seconds)

    def discard(self) -> None:
        """Removes what this attempt stored."""
        with suppress(Exception):
            self._store.delete(self.claim.prefix)


@contextmanager
def _whole(store: Store, key: str, digest: str) -> Iterator[Path]:
    """The file, once its bytes are known to be those that were published."""
    with store.file(key) as path:
        if sha256(path) != digest:
            raise Unavailable("The file store gave other bytes than it was given.", "store_unavailable")
        yield path


@contextmanager
def _traced(name: str, held: AbstractContextManager[Path], **about: str) -> Iterator[Path]:
    """The path that a context manager gives, the getting of it as a span."""
    with trace.span(name, **about):
        path = held.__enter__()
    with ExitStack() as stack:
        stack.push(held)
        yield path
