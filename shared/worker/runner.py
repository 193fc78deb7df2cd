"""Runs a stage on one job: claim, work, publish. The only place where a pure core meets Celery, ledger and store."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from celery import Celery
from sqlalchemy import Connection

from shared import failpoints, scratch
from shared.errors import BadScan, ModelError, Unavailable, VisceraError
from shared.ledger import Ledger, claims, files, history, jobs
from shared.ledger.claims import Claim, LostLease
from shared.ledger.files import FileClaim
from shared.models.shelf import Shelf
from shared.settings import Settings
from shared.storage.base import Store
from shared.telemetry import log, metrics, trace
from shared.worker.queue import notify
from shared.worker.stage import Stage
from shared.worker.work import Work

logger = logging.getLogger("viscera.stage")


@dataclass(frozen=True, slots=True)
class StageRunner:
    """What a worker's child needs to run its stage; `worker` is the worker's id in the ledger."""

    stage: Stage
    worker: str
    app: Celery
    settings: Settings
    ledger: Ledger
    store: Store
    tool: Any

    def run(self, job_id: str) -> None:
        """Answer one stage message: claim the next due work of this stage, or return if there is none.

        That may be another job than the message names, because tenants take turns.
        """
        stage, lease = self.stage.name, self.settings.lease_seconds
        models = {each.key for each in self.tool.known()} if isinstance(self.tool, Shelf) else None
        self._answer(
            stage, lambda connection: claims.claim_next(connection, stage, self.worker, job_id, lease, models=models)
        )

    def run_file(self, job_id: str) -> None:
        """Answer one message about a requested file: claim the next one that is due and write it."""
        lease = self.settings.lease_seconds
        self._answer(files.STAGE, lambda connection: files.claim_next(connection, self.worker, job_id, lease))

    def _answer(self, stage: str, claim_next: Callable[[Connection], Claim | FileClaim | None]) -> None:
        failpoints.hit(stage, "before-claim")
        with self.ledger.write() as connection:
            claim = claim_next(connection)
            outcome = "empty" if claim is None else "claimed"
            metrics.meters().stage_messages.labels(stage, outcome).inc()
            if claim is None:
                return
            job = jobs.get(connection, None, claim.job_id)
            parent = history.trace_of(connection, job.id)
        failpoints.hit(stage, "after-claim", job.id)
        fields: dict[str, str | int] = {"job": job.id, "attempt": claim.attempt, "tenant": job.tenant}
        with (
            trace.span(stage, parent, **fields),
            log.fields(stage=stage, **fields),
            scratch.folder() as folder,
        ):
            self._work(Work(job, claim, folder, self.tool, self.settings, self.ledger, self.store))

    def _work(self, work: Work) -> None:
        started, stage = time.monotonic(), work.claim.stage
        try:
            with work.heartbeat():
                with trace.span("work"):
                    self._run_task(work)
                upcoming = work.publish()
        except LostLease:
            self._count(stage, "lost", started)
            logger.warning("lease lost, nothing published")
            return
        except Exception as error:
            outcome = "lost"  # or published, if the commit succeeded and only its answer was lost
            with suppress(LostLease):
                outcome = self._give_up(work, error)
            self._count(stage, outcome, started)
            return
        failpoints.hit(stage, "after-commit")
        self._count(stage, "done", started)
        logger.info("stage done", extra={"seconds": round(time.monotonic() - started, 3)})
        for following in upcoming:
            with suppress(Exception):  # the reconciler notifies again
                notify(self.app, work.job.id, following)
        failpoints.hit(stage, "after-notify")

    def _run_task(self, work: Work) -> None:
        if isinstance(work.claim, Claim):
            self.stage.task(work)
        elif self.stage.write_file is not None:
            self.stage.write_file(work, work.claim.name)

    def _count(self, stage: str, outcome: str, started: float) -> None:
        meters = metrics.meters()
        provider = getattr(self.tool, "provider", "none")
        meters.stage_seconds.labels(stage, outcome, provider).observe(time.monotonic() - started)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
        meters.peak_bytes.labels(self.stage.name).set(peak)

    def _give_up(self, work: Work, error: Exception) -> str:
        """Fail the work or release it for another attempt; return which: failed or retried. Raises LostLease.

        An unavailable ledger or store is not the scan's fault, so it does not count as an attempt: the job's deadline
        bounds it.
        """
        claim, rules = work.claim, work.rules
        final = isinstance(error, (BadScan, ModelError))
        logger.log(logging.INFO if final else logging.ERROR, "stage failed", exc_info=error)
        with self.ledger.write() as connection:
            if final and isinstance(error, VisceraError):
                rules.fail(connection, claim, error.code, error.detail)
            elif isinstance(error, Unavailable):
                rules.release(connection, claim, self.settings.ring_seconds, False)
                return "retried"
            elif claim.attempt < claims.ATTEMPTS:
                rules.release(connection, claim, 2.0**claim.attempt, True)
                return "retried"
            elif isinstance(error, MemoryError):
                detail = f"The {claim.stage} needed more memory than a worker may have, {claims.ATTEMPTS} times."
                rules.fail(connection, claim, "out_of_memory", detail)
            else:
                detail = f"The {claim.stage} failed {claims.ATTEMPTS} times."
                rules.fail(connection, claim, "internal_error", detail)
        return "failed"
