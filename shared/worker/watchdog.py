"""Ends a worker that no longer consumes, and a worker's child that is stuck.

After a broken connection to the broker a Celery worker may live on without consuming. The ledger shows it: work of this
stage stays due and is notified again and again, while this worker is idle and receives nothing. The worker then exits,
and its supervisor starts a new one.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from celery import signals
from celery.worker import state

from shared.ledger import Ledger, claims, files, sweep

logger = logging.getLogger("viscera.watchdog")


class Watchdog:
    """Watches the worker of one stage from its main process.

    `seconds` is how long due work may wait while this worker is idle, `stuck` how long a child may work without a
    lease. `writes_files` says that requested files are this worker's work too.
    """

    def __init__(
        self,
        *,
        stage: str,
        worker: str,
        seconds: float,
        stuck: float,
        open_ledger: Callable[[], Ledger],
        writes_files: bool = False,
    ) -> None:
        self.writes_files = writes_files
        self.stage, self.worker, self.seconds, self.stuck, self.open_ledger = stage, worker, seconds, stuck, open_ledger
        self.heard = self.held = time.monotonic()

    def start(self) -> None:
        """Start to watch, once the worker consumes."""
        signals.task_received.connect(self._hear, weak=False)
        self.heard = time.monotonic()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _hear(self, **_: object) -> None:
        self.heard = time.monotonic()

    def _watch(self) -> None:
        ledger = self.open_ledger()
        while True:
            time.sleep(self.seconds / 5.0)
            try:
                if state.active_requests or not self._starved(ledger):
                    self.heard = time.monotonic()
                if not state.active_requests or self._holds(ledger):
                    self.held = time.monotonic()
            except Exception as error:  # the ledger is unavailable: nothing is known, so nothing is done
                logger.debug("ledger not available", exc_info=error)
                self.heard = self.held = time.monotonic()
            if time.monotonic() - self.held > self.stuck:
                self._kill_children()
            if time.monotonic() - self.heard > self.seconds:
                logger.critical(
                    "worker receives no message although work is due; it exits", extra={"stage": self.stage}
                )
                os._exit(75)

    def _starved(self, ledger: Ledger) -> bool:
        with ledger.read() as connection:
            return sweep.is_due(connection, self.stage) or (self.writes_files and files.is_due(connection))

    def _holds(self, ledger: Ledger) -> bool:
        with ledger.read() as connection:
            return claims.holds_any(connection, self.worker) or files.holds_any(connection, self.worker)

    def _kill_children(self) -> None:
        for request in list(state.active_requests):
            logger.critical("child works without a lease; it is killed", extra={"stage": self.stage})
            with suppress(ProcessLookupError, TypeError):  # the child has just ended, or has not started
                os.kill(request.worker_pid, signal.SIGKILL)
        self.held = time.monotonic()
