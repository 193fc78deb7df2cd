"""The main process of a worker: it supervises the child and serves metrics. It runs no stage."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from shared.ledger import claims, files, open_ledger, workers
from shared.process import die_with_supervisor, forbid_core_dumps
from shared.settings import Settings
from shared.telemetry import metrics
from shared.worker.stage import Stage
from shared.worker.watchdog import Watchdog


class ParentProcess:
    """What runs in Celery's main process; `worker` is the worker's id in the ledger."""

    def __init__(self, stage: Stage, worker: str, settings: Settings) -> None:
        self.stage, self.worker, self.settings = stage, worker, settings
        self.metrics_folder: Path | None = None

    def prepare(self) -> None:
        """Before the fork: end with the supervisor, forbid core files, create the folder in which children count."""
        die_with_supervisor()
        forbid_core_dumps()
        if self.settings.metrics_port:
            self.metrics_folder = metrics.share()

    def ready(self) -> None:
        """Once the worker consumes: serve the metrics and start the watchdog."""
        if self.settings.metrics_port:
            metrics.serve(self.settings.metrics_host, self.settings.metrics_port, self.metrics_folder)
        Watchdog(
            stage=self.stage.name,
            writes_files=self.stage.write_file is not None,
            worker=self.worker,
            seconds=max(3.0 * self.settings.ring_seconds, 5.0),
            stuck=max(2.0 * self.settings.lease_seconds, 10.0),
            open_ledger=lambda: open_ledger(self.settings.ledger_url),
        ).start()

    def shut_down(self) -> None:
        """When the worker is asked to stop: release its claims, so that another worker starts them at once."""
        ledger = open_ledger(self.settings.ledger_url)
        with suppress(Exception), ledger.write() as connection:
            claims.release_all(connection, self.worker)
            files.release_all(connection, self.worker)
            workers.gone(connection, self.worker)
        ledger.close()
