"""Prometheus metrics of every process: stages, leases, store and ledger calls, rounds of the reconciler, DIMSE.

The gateway serves them on `/metrics`, all others on VISCERA_METRICS_PORT. A worker's child may be killed at any moment.
Its processes therefore count in memory-mapped files (prometheus_client's multiprocess mode). There is one set of files
per place in the pool, not per process: a new child continues the counts of the last one, and the main process adds all
up.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from shared.errors import Unavailable

logger = logging.getLogger("viscera.metrics")
CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WORK_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(slots=True)
class Meters:
    """The metrics of one process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    stage_seconds: Histogram = field(init=False)
    model_seconds: Histogram = field(init=False)
    stage_messages: Counter = field(init=False)
    lease_renewals: Counter = field(init=False)
    peak_bytes: Gauge = field(init=False)
    ledger_seconds: Histogram = field(init=False)
    store_seconds: Histogram = field(init=False)
    store_bytes: Counter = field(init=False)
    rounds: Counter = field(init=False)
    swept: Counter = field(init=False)
    associations: Counter = field(init=False)
    associations_open: Gauge = field(init=False)
    stored_instances: Counter = field(init=False)

    def __post_init__(self) -> None:
        about: Any = {"namespace": "viscera", "registry": self.registry}
        calls, work = about | {"buckets": CALL_SECONDS}, about | {"buckets": WORK_SECONDS}
        where = ["stage", "outcome", "provider"]
        self.stage_seconds = Histogram("stage_seconds", "Attempts at a stage, claim to result.", where, **work)
        self.model_seconds = Histogram(
            "model_seconds", "The segmenter's work on one scan, by model.", ["name", "version"], **work
        )
        self.stage_messages = Counter(
            "doorbells", "Doorbells heard: claimed, or nothing to do.", ["stage", "outcome"], **about
        )
        self.lease_renewals = Counter("lease_renewals", "Renewals of leases.", ["stage", "outcome"], **about)
        self.peak_bytes = Gauge(
            "worker_peak_bytes",
            "Largest resident set of a worker's child.",
            ["stage"],
            multiprocess_mode="max",
            **about,
        )
        self.ledger_seconds = Histogram("ledger_seconds", "Transactions of the ledger.", ["kind", "outcome"], **calls)
        self.store_seconds = Histogram("store_seconds", "Calls of the file store.", ["call", "outcome"], **calls)
        self.store_bytes = Counter("store_bytes", "Bytes to and from the file store.", ["call"], **about)
        self.rounds = Counter("reconciler_rounds", "Rounds of the reconciler.", ["outcome"], **about)
        self.swept = Counter("reconciler_swept", "What its rounds did.", ["what"], **about)
        self.associations = Counter("dimse_associations", "Associations by how they ended.", ["outcome"], **about)
        self.associations_open = Gauge(
            "dimse_associations_open",
            "Associations that are open, over tcp or tls.",
            ["transport"],
            multiprocess_mode="livesum",
            **about,
        )
        self.stored_instances = Counter("dimse_instances", "C-STORE requests by status.", ["status"], **about)


_meters: list[Meters] = [Meters()]


def meters() -> Meters:
    """Return this process's metrics."""
    return _meters[0]


@contextmanager
def timed(histogram: Histogram, *labels: str, errors: tuple[type[Exception], ...] = (Unavailable,)) -> Iterator[None]:
    """Observe the duration of the context; the last label is `ok`, or `error` if one of these errors leaves the
    context.
    """
    started, outcome = time.perf_counter(), "ok"
    try:
        yield
    except errors:
        outcome = "error"
        raise
    finally:
        histogram.labels(*labels, outcome).observe(time.perf_counter() - started)


def share() -> Path:
    """Create the folder in which a worker's processes count.

    Call it in the main process before it forks.
    """
    folder = Path(tempfile.mkdtemp(prefix="viscera-metrics-"))
    atexit.register(_remove, folder, os.getpid())
    os.environ[_FOLDER] = str(folder)
    count_as("main")
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def count_as(name: str) -> None:
    """Count under this name in the shared folder from now on, if there is one.

    Nothing from before a fork is used: another thread may have held its locks.
    """
    if _FOLDER in os.environ:
        values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]
        _meters[0] = Meters()


def serve(host: str, port: int, folder: Path | None = None) -> None:
    """Serve Prometheus on a port of its own, in a thread; a port that is taken is only logged."""
    registry = CollectorRegistry()
    if folder is None:
        registry.register(meters().registry)
    else:
        MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        logger.error("metrics can't be served", exc_info=error, extra={"port": port})
