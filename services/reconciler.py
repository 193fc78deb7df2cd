"""Keeps every accepted job moving: rings again, rescues work of dead workers, ends what is late, sweeps.

Safe to run many at once: every change is a compare-and-set in the ledger.
"""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import dataclass

from celery import Celery

from services.deliverer import Deliverer
from services.notifier import Notifier
from shared import log, metrics
from shared.dicom import series
from shared.ledger import Ledger, access, open_ledger, retention, sweep, uploads, webhooks
from shared.manifests import file_missing
from shared.measured import open_measured
from shared.process import die_with_supervisor
from shared.queue import STAGES, make_app, ring, unheard
from shared.settings import settings
from shared.store import Store
from shared.webhook import Policy

logger = logging.getLogger("viscera.reconciler")
DELIVERERS = 3
"""Deliveries to DICOMweb servers at once, so that a slow server does not hold up the others."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept: ended jobs in days (0: for ever), scans without a job in hours."""

    days: float = 0.0
    scan_hours: float = 24.0


def reconcile(ledger: Ledger, store: Store, app: Celery, again: float, keep: Keep = Keep()) -> None:
    """One round; doorbells that nobody answers are rung again after `again` seconds."""
    with ledger.write() as connection:
        retention.promise(connection, keep.days)
        erased = retention.expire_jobs(connection) + retention.expire_scans(connection, keep.scan_hours)
        rescued = sweep.rescue(connection)
        late = sweep.expire(connection)
        condemned = sweep.condemned(connection)
        sweep.forget_workers(connection)
        access.forget_expired(connection)
        uploads.expire(connection)
        webhooks.forget(connection)
    for what, count in (("rescued", rescued), ("late", late), ("erased", erased)):
        metrics.meters().swept.labels(what).inc(count)
    if rescued or late or erased:
        logger.warning("swept", extra={"rescued": rescued, "late": late, "erased": erased})
    begun = series.close_quiet(ledger, store, settings())
    try:
        ring_due(ledger, app, again)
        for job_id in begun:
            ring(app, job_id, STAGES[0])
    finally:  # a broker that is away must not keep erased bytes, nor manifests from the store
        for prefix in condemned:
            store.delete(prefix)
            with ledger.write() as connection:
                sweep.buried(connection, prefix)
        file_missing(ledger, store)
    series.publish(ledger, store, settings())


def ring_due(ledger: Ledger, app: Celery, again: float) -> None:
    """Rings what is due: struck work at once, of the rest only as much as keeps the queues from running dry."""
    with ledger.read() as connection:
        waiting = [stage for stage in STAGES if sweep.is_due(connection, stage)]
    room = dict.fromkeys(STAGES, 0) | {stage: max(0, sweep.RINGS - unheard(app, stage)) for stage in waiting}
    with ledger.write() as connection:
        due = sweep.due(connection, again, room)
    for bell in due:
        ring(app, bell.job_id, bell.stage, struck=bell.struck)
    metrics.meters().swept.labels("rung").inc(len(due))


def main() -> None:
    """Reconciles until told to stop, every two seconds with the default lease."""
    die_with_supervisor()
    log.configure(settings().log_level)
    ledger, store = open_ledger(settings().ledger_url), open_measured(settings().store_url)
    app = make_app(settings().broker_url, answer_within=2.0)
    keep = Keep(settings().keep_days, settings().scan_hours)
    if settings().metrics_port:
        metrics.serve(settings().metrics_host, settings().metrics_port)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    Notifier(ledger, Policy.parse(settings().webhook_http, settings().webhook_networks), stop).start()
    for _ in range(DELIVERERS if settings().destinations else 0):
        Deliverer(ledger, store, settings().destinations, stop).start()
    while not stop.wait(settings().lease_seconds / 15.0):
        try:
            reconcile(ledger, store, app, settings().ring_seconds, keep)
            metrics.meters().rounds.labels("done").inc()
        except Exception as error:  # ledger, store or broker is away: the next round tries again
            metrics.meters().rounds.labels("broken").inc()
            logger.warning("round not finished", exc_info=error)


if __name__ == "__main__":
    main()
