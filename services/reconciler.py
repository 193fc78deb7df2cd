"""Keeps every accepted job moving: notifies due work, requeues expired work, ends late jobs, deletes erased bytes.

Many reconcilers may run at once: every change is a compare-and-set in the ledger.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from celery import Celery

from services.dicom_sender import DicomSender
from services.webhook_sender import WebhookSender
from shared import scratch
from shared.artifacts import DICOM_FILES
from shared.ledger import (
    Ledger,
    api_keys,
    files,
    model_statistics,
    models,
    open_ledger,
    pending_deletes,
    pending_puts,
    retention,
    sweep,
    uploads,
    webhooks,
)
from shared.ledger.dicom import series as ledger_series
from shared.operations.manifests import file_missing
from shared.outbound.webhook import Policy
from shared.pacs import series
from shared.process import die_with_supervisor, forbid_core_dumps
from shared.settings import settings
from shared.storage.base import Store
from shared.storage.connect import open_metered_store
from shared.telemetry import log, metrics
from shared.worker.queue import STAGES, make_app, notify, queue_length

logger = logging.getLogger("viscera.reconciler")
ROUNDS_BETWEEN = 60
"""Rounds between two looks for what reconcilers of an earlier version did too early, during an upgrade."""
DICOM_SENDERS = 3
"""Deliveries to DICOM destinations at once, so that a slow one does not delay the others."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long to keep ended jobs, in days (0: without end), and scans without a job, in hours."""

    days: float = 0.0
    scan_hours: float = 24.0


def reconcile(
    ledger: Ledger, store: Store, app: Celery, again: float, retention_policy: RetentionPolicy = RetentionPolicy()
) -> None:
    """Run one round; work that no worker claims is notified again after `again` seconds."""
    prefixes = _sweep(ledger, retention_policy)
    _count_results(ledger)
    started = series.close_quiet(ledger, store, settings())
    try:
        notify_due(ledger, app, again)
        for job_id in started:
            notify(app, job_id, STAGES[0])
    finally:  # an unavailable broker must not keep erased bytes, nor keep manifests from the store
        failed = _delete(ledger, store, prefixes)
        file_missing(ledger, store)
    if failed is not None:
        raise failed
    series.publish(ledger, store, settings())


def _delete(ledger: Ledger, store: Store, prefixes: Sequence[str]) -> Exception | None:
    """Delete prefixes of the store; return the first error: one prefix must not keep the others from deletion."""
    failed: Exception | None = None
    for prefix in prefixes:
        try:
            store.delete(prefix)
            with ledger.write() as connection:
                pending_deletes.forget_deleted(connection, prefix)
        except Exception as error:
            failed = failed or error
    if prefixes:
        ledger.overwrite_erased()
    return failed


def _sweep(ledger: Ledger, retention_policy: RetentionPolicy) -> list[str]:
    """Requeue, end and erase what is due in the ledger; return the store prefixes to delete."""
    with ledger.write() as connection:
        retention.set_expiry(connection, retention_policy.days)
        erased = retention.expire_jobs(connection)
        erased += retention.expire_scans(connection, retention_policy.scan_hours)
        requeued = sweep.requeue_expired(connection) + files.requeue_expired(connection)
        late = sweep.expire(connection) + models.end_without_worker(connection)
        pending_puts.sweep(connection)
        prefixes = pending_deletes.prefixes(connection)
        sweep.forget_workers(connection)
        api_keys.forget_expired(connection)
        uploads.expire(connection)
        webhooks.forget(connection)
    for action, number in (("rescued", requeued), ("late", late), ("erased", erased)):
        metrics.meters().swept.labels(action).inc(number)
    if requeued or late or erased:
        logger.warning("swept", extra={"rescued": requeued, "late": late, "erased": erased})
    return prefixes


def _count_results(ledger: Ledger) -> None:
    """Add up what jobs have left for the statistics of their models."""
    with ledger.read() as connection:
        if not model_statistics.is_due(connection):
            return
    with ledger.write() as connection:
        model_statistics.add_up(connection)


def notify_due(ledger: Ledger, app: Celery, again: float) -> None:
    """Notify all retried work, and of other work as much as keeps the queues filled; requested files come last."""
    with ledger.read() as connection:
        stages = [stage for stage in STAGES if sweep.is_due(connection, stage)]
        has_files = files.is_due(connection)
    room = dict.fromkeys(STAGES, 0)
    room |= {stage: max(0, sweep.QUEUE_LIMIT - queue_length(app, stage)) for stage in stages}
    for_files = max(0, sweep.QUEUE_LIMIT - queue_length(app, files.STAGE)) if has_files else 0
    with ledger.write() as connection:
        messages = sweep.due(connection, again, room)
        due_files = files.due(connection, again, for_files)
    for message in messages:
        notify(app, message.job_id, message.stage, retried=message.retried)
    for file in due_files:
        notify(app, file.job_id, files.STAGE, urgent=file.urgent)
    metrics.meters().swept.labels("rung").inc(len(messages) + len(due_files))


def publish_again(ledger: Ledger) -> None:
    """Let results be published that an older reconciler did not wait for."""
    with ledger.write() as connection:
        ledger_series.publish_again(connection, DICOM_FILES)


def main() -> None:
    """Reconcile until SIGTERM or SIGINT, every two seconds with the default lease."""
    die_with_supervisor()
    forbid_core_dumps()
    log.configure(settings().log_level)
    log.silence("pynetdicom", "pydicom")
    scratch.sweep()
    ledger, store = open_ledger(settings().ledger_url), open_metered_store(settings().store_url)
    app = make_app(settings().broker_url, answer_within=2.0)
    retention_policy = RetentionPolicy(settings().keep_days, settings().scan_hours)
    if settings().metrics_port:
        metrics.serve(settings().metrics_host, settings().metrics_port)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    WebhookSender(ledger, Policy.parse(settings().webhook_http, settings().webhook_networks), stop).start()
    for _ in range(DICOM_SENDERS if settings().destinations else 0):
        DicomSender(ledger, store, settings().destinations, stop).start()
    for number in count():
        if stop.wait(settings().lease_seconds / 15.0):
            break
        try:
            if number % ROUNDS_BETWEEN == 0:
                publish_again(ledger)
            reconcile(ledger, store, app, settings().ring_seconds, retention_policy)
            metrics.meters().rounds.labels("done").inc()
        except Exception as error:  # ledger, store or broker is unavailable: the next round tries again
            metrics.meters().rounds.labels("broken").inc()
            logger.warning("round not finished", exc_info=error)


if __name__ == "__main__":
    main()
