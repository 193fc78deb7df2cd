"""The forked child of a worker: it loads the stage's tool and runs the stage."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from billiard import current_process
from celery import Celery

from shared import scratch
from shared.errors import VisceraError
from shared.ledger import Ledger, files, models, open_ledger, workers
from shared.models import library
from shared.models.shelf import Shelf
from shared.process import die_with_parent
from shared.settings import Settings
from shared.storage.connect import open_metered_store
from shared.telemetry import log, metrics, trace
from shared.worker.runner import StageRunner
from shared.worker.stage import Stage

logger = logging.getLogger("viscera.stage")


class ChildProcess:
    """What runs after the fork. Nothing that the parent opened is used here: connections do not survive a fork."""

    def __init__(self, stage: Stage, worker: str, settings: Settings, app: Celery) -> None:
        self.stage, self.worker, self.settings, self.app = stage, worker, settings, app
        self.runner: StageRunner | None = None

    def start(self) -> None:
        """Open ledger and store, load the tool and report this worker as alive, before the first task."""
        die_with_parent()
        scratch.sweep()
        metrics.count_as(f"child{getattr(current_process(), 'index', 0)}")
        log.configure(self.settings.log_level)
        trace.configure(self.stage.name)
        if limit := self.settings.child_memory:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        tool = self._load_tool()
        self._create_series(tool)
        ledger = open_ledger(self.settings.ledger_url)
        self.runner = StageRunner(
            stage=self.stage,
            worker=self.worker,
            app=self.app,
            settings=self.settings,
            ledger=ledger,
            store=open_metered_store(self.settings.store_url),
            tool=tool,
        )
        threading.Thread(target=self._report_alive, args=(ledger, tool), daemon=True).start()

    def run(self, job_id: str) -> None:
        """Answer one stage message."""
        if self.runner is None:
            raise RuntimeError("the child was not started")
        self.runner.run(job_id)

    def run_file(self, job_id: str) -> None:
        """Answer one message about a requested file."""
        if self.runner is None:
            raise RuntimeError("the child was not started")
        self.runner.run_file(job_id)

    def _load_tool(self) -> Any:
        """Return the stage's tool; an unusable model or setting ends the whole worker, not only this child."""
        try:
            return self.stage.load(self.settings)
        except VisceraError as error:
            logger.critical("worker refuses to start: %s", error.detail, extra={"stage": self.stage.name})
            os.kill(os.getppid(), signal.SIGTERM)
            sys.exit(1)

    def _create_series(self, tool: Any) -> None:
        """Create every time series at zero: Prometheus sees no increase in one that appears with its first value."""
        meters, provider = metrics.meters(), getattr(tool, "provider", "none")
        for stage in (self.stage.name, *([files.STAGE] if self.stage.write_file else [])):
            for outcome in ("done", "failed", "retried", "lost"):
                meters.stage_seconds.labels(stage, outcome, provider)
            for outcome in ("renewed", "lost", "failed"):
                meters.lease_renewals.labels(stage, outcome)

    def _report_alive(self, ledger: Ledger, tool: Any) -> None:
        reported: workers.Worker | None = None
        while True:
            with suppress(Exception):
                worker = workers.Worker(self.worker, self.stage.name, self.stage.describe(tool))
                with ledger.write() as connection:
                    if worker != reported or not workers.still_there(connection, worker.id):
                        workers.seen(connection, worker)
                reported = worker
                if isinstance(tool, Shelf):
                    self._tend(ledger, tool)
            time.sleep(min(5.0, self.settings.heartbeat_seconds))

    def _tend(self, ledger: Ledger, shelf: Shelf) -> None:
        """Report the models of this worker, and delete the removed ones that no open job asks for."""
        known = [
            models.KnownModel(
                key=each.key,
                name=each.card.name,
                version=each.card.version,
                offered=each.offered,
                modalities=each.card.modalities,
                channels=each.card.channels,
            )
            for each in shelf.known()
        ]
        with ledger.write() as connection:
            models.report(connection, known)
            wanted = models.wanted(connection)
        library.purge(self.settings.models, wanted)
