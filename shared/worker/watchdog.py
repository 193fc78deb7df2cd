"""Ends a worker that has gone deaf, and a worker's child that is stuck.

After a broken connection to the broker a Celery worker may live on without ever consuming again. The ledger knows
better: work of this stage has been due for a while, its doorbell is rung over and over, and this worker, idle, hears
nothing. Then it exits, and whoever supervises it starts a new one.
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

from shared.ledger import Ledger, claims, sweep

logger = logging.getLogger("viscera.watchdog")


class Watchdog:
    """Watches the worker of one stage from its main process.

    `seconds` is how long due work may go queue_length, `stuck` how long a child may be at work without a lease.
    """

    def __init__(
        self, stage: str, worker: str, seconds: float, stuck: float, open_ledger: Callable[[], Ledger]
    ) -> None:
        self.stage, self.worker, self.seconds, self.stuck, self.open_ledger = stage, worker, seconds, stuck, open_ledger
        self.heard = self.held = time.monotonic()

    def start(self) -> None:
        """Begins to watch, once the worker consumes."""
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
            except Exception as error:  # the ledger is away: nothing is known, so nothing is done
                logger.debug("ledger not asked", exc_info=error)
                self.heard = self.held = time.monotonic()
            if time.monotonic() - self.held > self.stuck:
                self._kill_children()
            if time.monotonic() - self.heard > self.seconds:
                logger.critical("worker hears no doorbell though work is due; it ends", extra={"stage": self.stage})
                os._exit(75)

    def _starved(self, ledger: Ledger) -> bool:
        with ledger.read() as connection:
            return sweep.is_due(connection, self.stage)

    def _holds(self, ledger: Ledger) -> bool:
        with ledger.read() as connection:
            return claims.holds_any(connection, self.worker)

    def _kill_children(self) -> None:
        for request in list(state.active_requests):
            logger.critical("child is at work without a lease; it is killed", extra={"stage": self.stage})
            with suppress(ProcessLookupError, TypeError):  # it has just ended, or not begun
                os.kill(request.worker_pid, signal.SIGKILL)
        self.held = time.monotonic()
