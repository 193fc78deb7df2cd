"""Job submissions: from a request's Idempotency-Key to the first stage message."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import IntegrityError

from services.api import domain, schemas, uploads
from services.api.gateway import Gateway
from shared import failpoints
from shared.ledger import api_keys, audit, idempotency, jobs, submission
from shared.telemetry.trace import span
from shared.worker.queue import notify

logger = logging.getLogger("viscera.api.jobs")


@dataclass(frozen=True, slots=True)
class JobSubmission:
    """One request for a job; `key` is its Idempotency-Key, `subject` names the scan or the body that it is for."""

    gateway: Gateway
    caller: api_keys.Caller
    key: str | None
    options: schemas.Options
    subject: str

    async def submit_body(self, request: Request) -> jobs.Job:
        """Receive the scan in the request's body, make it durable and return the new job, or the earlier one."""
        with self.gateway.limits.upload(self.caller.tenant), uploads.spooled(self.gateway) as path:
            upload = await uploads.receive(request, path, self.gateway.settings.max_upload_bytes)
            return await self.submit_upload(upload)

    async def submit_upload(self, upload: uploads.Upload) -> jobs.Job:
        """Make a received scan durable and return the new job, or the earlier one."""
        earlier = await run_in_threadpool(self.earlier, upload.sha256)
        if earlier is not None:
            return earlier
        scan = await uploads.check(self.gateway, self.caller.tenant, upload, self.options)
        return await run_in_threadpool(self._store, scan, upload.path)

    def _store(self, scan: jobs.Scan, path: Path) -> jobs.Job:
        """Store and submit; if another request with the same key was faster, the bytes are deleted again."""
        with uploads.stored(self.gateway, scan, path):
            return self.submit(scan, scan.id)

    def submit(self, scan: jobs.Scan | None, scan_id: str) -> jobs.Job:
        """Record scan, job and key in one transaction, then notify the first stage; return the job."""
        try:
            with span("accept job", bytes=scan.bytes if scan else 0) as trace:
                job = self._record(scan, scan_id, trace)
                logger.info("job accepted", extra={"job": job.id, "tenant": self.caller.tenant})
        except IntegrityError:  # another request with the same key was faster
            earlier = self.earlier(scan.sha256 if scan else "")
            if earlier is None:
                raise
            return earlier
        failpoints.hit("gateway", "after-commit")
        with suppress(Exception):  # the broker is unavailable: the reconciler notifies when it is back
            notify(self.gateway.queue, job.id, jobs.STAGES[0])
        return job

    def earlier(self, sha256: str = "") -> jobs.Job | None:
        """Return the job that an earlier request with this key created.

        Raises Unprocessable if the earlier request was another one.
        """
        if self.key is None:
            return None
        with self.gateway.reading(self.caller) as connection:
            job_id = idempotency.recall(connection, self.caller.tenant, self.key, self._digest(sha256))
            return None if job_id is None else jobs.get(connection, self.caller.tenant, job_id)

    def _digest(self, sha256: str) -> str:
        # Without a model the digest is that of earlier versions: a request repeated after an upgrade is the same one.
        without = {"model"} if self.options.model is None else set()
        options = self.options.model_dump(mode="json", exclude=without)
        text = json.dumps([self.subject, sha256, options], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _record(self, scan: jobs.Scan | None, scan_id: str, trace: str | None) -> jobs.Job:
        tenant, sha256 = self.caller.tenant, scan.sha256 if scan else ""
        with self.gateway.writing(self.caller) as connection:
            if self.key is not None:
                again = idempotency.recall(connection, tenant, self.key, self._digest(sha256))
                if again is not None:
                    return jobs.get(connection, tenant, again)
            if scan is not None:
                uploads.record(connection, tenant, scan)
            known = scan or jobs.get_scan(connection, tenant, scan_id)
            warnings = domain.check(connection, known, self.options)
            settings = self.gateway.settings
            seconds = min(settings.job_seconds, self.options.deadline or settings.job_seconds)
            options = self.options.model_dump(mode="json", exclude={"deadline"})
            job_id = submission.submit(
                connection,
                tenant,
                scan_id,
                options,
                seconds=seconds,
                patience=settings.ring_seconds,
                trace=trace,
                warnings=warnings,
            )
            if self.key is not None:
                idempotency.remember(connection, tenant, self.key, self._digest(sha256), job_id)
            audit.record(connection, tenant, self.caller.key_id, "create", job_id)
            return jobs.get(connection, tenant, job_id)
