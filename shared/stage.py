"""The shell of a stage: the only place where a pure core meets Celery, ledger and store.

A doorbell names a job. The worker claims the stage, works in a scratch folder while a heartbeat renews its lease,
puts the outputs into the store under keys of its own fence, and publishes them in one transaction.
"""

from __future__ import annotations

import logging
import os
import resource
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from billiard import current_process
from celery import Celery, signals

from shared import log, metrics, trace
from shared.errors import BadScan, ModelError, Unavailable, VisceraError
from shared.fault import point
from shared.ledger import Ledger, claims, history, jobs, open_ledger, workers
from shared.ledger.claims import Claim, LostLease
from shared.measured import open_measured
from shared.process import die_with_parent, die_with_supervisor
from shared.queue import make_app, ring, task_name
from shared.settings import Settings, settings
from shared.store import Store
from shared.watchdog import Watchdog
from shared.work import Work

logger = logging.getLogger("viscera.stage")

__all__ = ["Stage", "Work", "stage"]


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
        self.counts: Path | None = None

    def open(self) -> tuple[Ledger, Store]:
        """Ledger and store of this process; never carried over a fork."""
        if self.ledger is None or self.store is None:
            self.ledger, self.store = open_ledger(settings().ledger_url), open_measured(settings().store_url)
        return self.ledger, self.store

    def run(self, job_id: str) -> None:
        """Answers one doorbell."""
        ledger, store = self.open()
        point(self.name, "before-claim")
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, self.name, self.worker, settings().lease_seconds)
            metrics.meters().doorbells.labels(self.name, "empty" if claim is None else "claimed").inc()
            if claim is None:
                return
            job = jobs.get(connection, None, job_id)
            parent = history.trace_of(connection, job_id)
        point(self.name, "after-claim", job_id)
        about: dict[str, str | int] = {"job": job_id, "attempt": claim.attempt, "tenant": job.tenant}
        with (
            trace.span(self.name, parent, **about),
            log.about(stage=self.name, **about),
            tempfile.TemporaryDirectory(prefix="viscera-") as folder,
        ):
            self._work(Work(job, claim, Path(folder), self.tool, ledger, store), ledger)

    def _work(self, work: Work, ledger: Ledger) -> None:
        started = time.monotonic()
        try:
            with work.heartbeat():
                with trace.span("work"):
                    self.task(work)
                following = work.publish()
        except LostLease:
            work.discard()
            self._ended("lost", started)
            logger.warning("lease lost, nothing published")
            return
        except Exception as error:
            # If this finds the claim gone, the commit may have succeeded and only its answer been lost: keep the bytes.
            outcome = "lost"
            with suppress(LostLease):
                outcome = _give_up(ledger, work.claim, error)
                work.discard()
            self._ended(outcome, started)
            return
        point(self.name, "after-commit")
        self._ended("done", started)
        logger.info("stage done", extra={"seconds": round(time.monotonic() - started, 3)})
        if following is not None:
            with suppress(Exception):  # the reconciler rings again
                ring(self.app, work.job.id, following)
        point(self.name, "after-ring")

    def _ended(self, outcome: str, started: float) -> None:
        told = metrics.meters()
        provider = getattr(self.tool, "provider", "none")
        told.stage_seconds.labels(self.name, outcome, provider).observe(time.monotonic() - started)
        told.peak_bytes.labels(self.name).set(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)

    def serve(self) -> None:
        """What a worker's child does before its first task: loads its tool and says that it lives."""
        die_with_parent()
        metrics.count_as(f"child{getattr(current_process(), 'index', 0)}")
        log.configure(settings().log_level)
        trace.configure(self.name)
        self.ledger = self.store = None
        if most := settings().child_memory:
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        try:
            self.tool = self.load(settings())
        except ModelError as error:
            logger.critical("worker refuses to start: %s", error.detail, extra={"stage": self.name})
            os.kill(os.getppid(), 15)
            sys.exit(1)
        self._begin_to_count()
        threading.Thread(target=self._live, daemon=True).start()

    def _begin_to_count(self) -> None:
        """Every series is there from the start, as Prometheus sees no increase in one that appears with its first."""
        told, provider = metrics.meters(), getattr(self.tool, "provider", "none")
        for outcome in ("done", "failed", "retried", "lost"):
            told.stage_seconds.labels(self.name, outcome, provider)
        for outcome in ("renewed", "lost", "failed"):
            told.lease_renewals.labels(self.name, outcome)

    def _live(self) -> None:
        ledger, _ = self.open()
        myself = workers.Worker(self.worker, self.name, self.describe(self.tool))
        while True:
            with suppress(Exception), ledger.write() as connection:
                workers.seen(connection, myself)
            time.sleep(min(5.0, settings().heartbeat_seconds))

    def prepare(self) -> None:
        """What a worker's main process does before it has children."""
        die_with_supervisor()
        if settings().metrics_port:
            self.counts = metrics.share()

    def watch(self) -> None:
        """What a worker's main process does once it consumes: it tells its metrics and makes sure that it hears."""
        if settings().metrics_port:
            metrics.serve(settings().metrics_host, settings().metrics_port, self.counts)
        seconds = max(3.0 * settings().ring_seconds, 5.0)
        stuck = max(2.0 * settings().lease_seconds, 10.0)
        Watchdog(self.name, self.worker, seconds, stuck, lambda: open_ledger(settings().ledger_url)).start()

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
        signals.worker_init.connect(lambda **_: made.prepare(), weak=False)
        signals.worker_ready.connect(lambda **_: made.watch(), weak=False)
        signals.worker_process_init.connect(lambda **_: made.serve(), weak=False)
        signals.worker_shutting_down.connect(lambda **_: made.leave(), weak=False)
        signals.setup_logging.connect(lambda **_: log.configure(settings().log_level), weak=False)
        return made

    return decorate


def _give_up(ledger: Ledger, claim: Claim, error: Exception) -> str:
    """Fails the job, or gives the stage back for another try; returns which of both. Raises LostLease.

    That ledger or store is away is not the scan's fault and counts as no try: the job's deadline bounds it.
    """
    final = isinstance(error, (BadScan, ModelError))
    logger.log(logging.INFO if final else logging.ERROR, "stage failed", exc_info=error)
    with ledger.write() as connection:
        if final and isinstance(error, VisceraError):
            claims.fail(connection, claim, error.code, error.detail)
        elif isinstance(error, Unavailable):
            claims.give_back(connection, claim, wait=settings().ring_seconds)
            return "retried"
        elif claim.attempt < claims.TRIES:
            claims.give_back(connection, claim, wait=2.0**claim.attempt, counts=True)
            return "retried"
        elif isinstance(error, MemoryError):
            detail = f"The {claim.stage} needed more memory than a worker may have, {claims.TRIES} times."
            claims.fail(connection, claim, "out_of_memory", detail)
        else:
            claims.fail(connection, claim, "internal_error", f"The {claim.stage} failed {claims.TRIES} times.")
    return "failed"
