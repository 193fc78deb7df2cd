"""Runs a stage on one job: claim, work, publish. The only place where a pure core meets Celery, ledger and store."""

from __future__ import annotations

import logging
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from celery import Celery

from shared import scratch
from shared.errors import BadScan, ModelError, Unavailable, VisceraError
from shared.ledger import Ledger, claims, history, jobs
from shared.ledger.claims import Claim, LostLease
from shared.settings import Settings
from shared.storage.base import Store
from shared.telemetry import log, metrics, trace
from shared.worker import failpoints
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
        failpoints.hit(self.stage.name, "before-claim")
        with self.ledger.write() as connection:
            claim = claims.claim_next(connection, self.stage.name, self.worker, job_id, self.settings.lease_seconds)
            outcome = "empty" if claim is None else "claimed"
            metrics.meters().stage_messages.labels(self.stage.name, outcome).inc()
            if claim is None:
                return
            job = jobs.get(connection, None, claim.job_id)
            parent = history.trace_of(connection, job.id)
        failpoints.hit(self.stage.name, "after-claim", job.id)
        fields: dict[str, str | int] = {"job": job.id, "attempt": claim.attempt, "tenant": job.tenant}
        with (
            trace.span(self.stage.name, parent, **fields),
            log.fields(stage=self.stage.name, **fields),
            scratch.folder() as folder,
        ):
            self._work(Work(job, claim, folder, self.tool, self.settings, self.ledger, self.store))

    def _work(self, work: Work) -> None:
        started = time.monotonic()
        try:
            with work.heartbeat():
                with trace.span("work"):
                    self.stage.task(work)
                next_stage = work.publish()
        except LostLease:
            self._count("lost", started)
            logger.warning("lease lost, nothing published")
            return
        except Exception as error:
            outcome = "lost"  # or published, if the commit succeeded and only its answer was lost
            with suppress(LostLease):
                outcome = self._give_up(work.claim, error)
            self._count(outcome, started)
            return
        failpoints.hit(self.stage.name, "after-commit")
        self._count("done", started)
        logger.info("stage done", extra={"seconds": round(time.monotonic() - started, 3)})
        if next_stage is not None:
            with suppress(Exception):  # the reconciler notifies again
                notify(self.app, work.job.id, next_stage)
        failpoints.hit(self.stage.name, "after-notify")

    def _count(self, outcome: str, started: float) -> None:
        meters = metrics.meters()
        provider = getattr(self.tool, "provider", "none")
        meters.stage_seconds.labels(self.stage.name, outcome, provider).observe(time.monotonic() - started)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
        meters.peak_bytes.labels(self.stage.name).set(peak)

    def _give_up(self, claim: Claim, error: Exception) -> str:
        """Fail the job or release the stage for another attempt; return which: failed or retried. Raises LostLease.

        An unavailable ledger or store is not the scan's fault, so it does not count as an attempt: the job's deadline
        bounds it.
        """
        final = isinstance(error, (BadScan, ModelError))
        logger.log(logging.INFO if final else logging.ERROR, "stage failed", exc_info=error)
        with self.ledger.write() as connection:
            if final and isinstance(error, VisceraError):
                claims.fail(connection, claim, error.code, error.detail)
            elif isinstance(error, Unavailable):
                claims.release(connection, claim, wait=self.settings.ring_seconds)
                return "retried"
            elif claim.attempt < claims.ATTEMPTS:
                claims.release(connection, claim, wait=2.0**claim.attempt, counts=True)
                return "retried"
            elif isinstance(error, MemoryError):
                detail = f"The {claim.stage} needed more memory than a worker may have, {claims.ATTEMPTS} times."
                claims.fail(connection, claim, "out_of_memory", detail)
            else:
                detail = f"The {claim.stage} failed {claims.ATTEMPTS} times."
                claims.fail(connection, claim, "internal_error", detail)
        return "failed"
