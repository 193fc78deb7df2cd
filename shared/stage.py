"""The shell of a stage: the only place where a pure core meets Celery, ledger and store.

A doorbell names a job. The worker claims the stage, works in a scratch folder while a heartbeat renews its lease,
puts the outputs into the store under keys of its own fence, and publishes them in one transaction.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery, signals

from shared import log, trace
from shared.dicom import manifest
from shared.errors import BadScan, ModelError, VisceraError
from shared.fault import point
from shared.ledger import Ledger, claims, history, jobs, open_ledger, workers
from shared.ledger.claims import Claim, LostLease
from shared.process import die_with_parent, die_with_supervisor
from shared.queue import make_app, ring, task_name
from shared.settings import Settings, settings
from shared.store import Store, open_store, sha256
from shared.watchdog import Watchdog

logger = logging.getLogger("viscera.stage")
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
            key = jobs.get_scan(connection, None, self.job.scan_id).key
        held = manifest.folder(self._store, key) if manifest.is_manifest(key) else self._store.file(key)
        with _traced("fetch scan", held) as path:
            yield path

    @contextmanager
    def input(self, name: str) -> Iterator[Path]:
        """A file that an earlier stage published."""
        with self._ledger.read() as connection:
            key = jobs.published(connection, self.job.id)[name].key
        with _traced("fetch", self._store.file(key), file=name) as path:
            yield path

    def output(self, name: str) -> Path:
        """Where to write a file that shall be published under this name."""
        return self._outputs.setdefault(name, self.folder / name)

    def progress(self, fraction: float) -> None:
        """Tells how much is done (0..1); raises LostLease when this work is no longer wanted."""
        point(self.claim.stage, "mid-work")
        if self._lost.is_set():
            raise LostLease(self.job.id)
        if time.monotonic() - self._told > PROGRESS_EVERY:
            self._told = time.monotonic()
            with self._ledger.write() as connection:
                claims.renew(connection, self.claim, min(max(fraction, 0.0), 1.0), settings().lease_seconds)

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
                with self._ledger.write() as connection:
                    claims.renew(connection, self.claim, lease=settings().lease_seconds)
                renewed = time.monotonic()
            except LostLease:
                self._lost.set()
                return
            except Exception:  # the ledger is away: hold on as long as the lease does
                if time.monotonic() - renewed > settings().lease_seconds:
                    self._lost.set()
                    return

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


class Stage:
    """A stage as a Celery application; `load` makes its tool (a network) in the process that works."""

    def __init__(
        self, name: str, task: Callable[[Work], None], load: Callable[[Settings], Any], describe: Callable[[Any], Any]
    ) -> None:
        self.name, self.task, self.load, self.describe = name, task, load, describe
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{name}"
        self.app: Celery = make_app(settings().broker_url, settings().job_seconds + 60.0)
        self.app.task(name=task_name(name))(self.run)
        self.tool: Any = None
        self.ledger: Ledger | None = None
        self.store: Store | None = None

    def open(self) -> tuple[Ledger, Store]:
        """Ledger and store of this process; never carried over a fork."""
        if self.ledger is None or self.store is None:
            self.ledger, self.store = open_ledger(settings().ledger_url), open_store(settings().store_url)
        return self.ledger, self.store

    def run(self, job_id: str) -> None:
        """Answers one doorbell."""
        ledger, store = self.open()
        point(self.name, "before-claim")
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, self.name, self.worker, settings().lease_seconds)
            if claim is None:
                return
            job = jobs.get(connection, None, job_id)
            parent = history.trace_of(connection, job_id)
        point(self.name, "after-claim", job_id)
        about: dict[str, str | int] = {"job": job_id, "attempt": claim.attempt, "tenant": job.tenant}
        with trace.span(self.name, parent, **about), tempfile.TemporaryDirectory(prefix="viscera-") as folder:
            self._work(Work(job, claim, Path(folder), self.tool, ledger, store), ledger)

    def _work(self, work: Work, ledger: Ledger) -> None:
        about = {"job": work.job.id, "stage": self.name, "attempt": work.claim.attempt}
        started = time.monotonic()
        try:
            with work.heartbeat():
                with trace.span("work"):
                    self.task(work)
                following = work.publish()
        except LostLease:
            work.discard()
            logger.warning("lease lost, nothing published", extra=about)
            return
        except Exception as error:
            # If this finds the claim gone, the commit may have succeeded and only its answer been lost: keep the bytes.
            with suppress(LostLease):
                _give_up(ledger, work.claim, error, about)
                work.discard()
            return
        point(self.name, "after-commit")
        logger.info("stage done", extra=about | {"seconds": round(time.monotonic() - started, 3)})
        if following is not None:
            with suppress(Exception):  # the reconciler rings again
                ring(self.app, work.job.id, following)
        point(self.name, "after-ring")

    def serve(self) -> None:
        """What a worker's child does before its first task: loads its tool and says that it lives."""
        die_with_parent()
        log.configure(settings().log_level)
        trace.configure(self.name)
        self.ledger = self.store = None
        try:
            self.tool = self.load(settings())
        except ModelError as error:
            logger.critical("worker refuses to start: %s", error.detail, extra={"stage": self.name})
            os.kill(os.getppid(), 15)
            sys.exit(1)
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        ledger, _ = self.open()
        myself = workers.Worker(self.worker, self.name, self.describe(self.tool))
        while True:
            with suppress(Exception), ledger.write() as connection:
                workers.seen(connection, myself)
            time.sleep(min(5.0, settings().heartbeat_seconds))

    def watch(self) -> None:
        """What a worker's main process does once it consumes: it makes sure that it still hears."""
        seconds = max(3.0 * settings().ring_seconds, 5.0)
        Watchdog(self.name, seconds, lambda: open_ledger(settings().ledger_url)).start()

    def leave(self) -> None:
        """What a worker does when asked to stop: its work is given back at once and tried elsewhere."""
        ledger = open_ledger(settings().ledger_url)
        with suppress(Exception), ledger.write() as connection:
            claims.give_back_all(connection, self.worker)
            workers.gone(connection, self.worker)
        ledger.close()


def stage(
    name: str,
    load: Callable[[Settings], Any] = lambda _: None,
    describe: Callable[[Any], Any] = lambda _: None,
) -> Callable[[Callable[[Work], None]], Stage]:
    """Makes a function of a Work the stage of this name; workers run its `.app`."""

    def decorate(task: Callable[[Work], None]) -> Stage:
        made = Stage(name, task, load, describe)
        signals.worker_init.connect(lambda **_: die_with_supervisor(), weak=False)
        signals.worker_ready.connect(lambda **_: made.watch(), weak=False)
        signals.worker_process_init.connect(lambda **_: made.serve(), weak=False)
        signals.worker_shutting_down.connect(lambda **_: made.leave(), weak=False)
        signals.setup_logging.connect(lambda **_: log.configure(settings().log_level), weak=False)
        return made

    return decorate


@contextmanager
def _traced(name: str, held: AbstractContextManager[Path], **about: str) -> Iterator[Path]:
    """The path that a context manager gives, the getting of it as a span."""
    with trace.span(name, **about):
        path = held.__enter__()
    with ExitStack() as stack:
        stack.push(held)
        yield path


def _give_up(ledger: Ledger, claim: Claim, error: Exception, about: dict[str, Any]) -> None:
    final = isinstance(error, (BadScan, ModelError))
    logger.log(logging.INFO if final else logging.ERROR, "stage failed", exc_info=error, extra=about)
    with ledger.write() as connection:
        if final and isinstance(error, VisceraError):
            claims.fail(connection, claim, error.code, error.detail)
        elif claim.attempt < claims.TRIES:
            claims.give_back(connection, claim, wait=2.0**claim.attempt, counts=True)
        else:
            claims.fail(connection, claim, "internal_error", f"The {claim.stage} failed {claims.TRIES} times.")
