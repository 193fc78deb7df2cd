"""Prometheus metrics of the gateway: its own work, and the state of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.api import model_metrics
from shared.ledger import Ledger, status
from shared.telemetry.metrics import meters

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(slots=True)
class Metrics:
    """The counters of one gateway process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    uploads: Counter = field(init=False)
    upload_bytes: Counter = field(init=False)
    uploads_open: Gauge = field(init=False)
    upload_seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        about: Any = {"namespace": "viscera", "registry": self.registry}
        self.requests = Counter("requests", "Requests answered.", ["method", "route", "status"], **about)
        self.seconds = Histogram("request_seconds", "Time to answer.", ["route"], buckets=SECONDS, **about)
        self.uploads = Counter("uploads", "Uploads by how they ended.", ["outcome"], **about)
        self.upload_bytes = Counter("upload_bytes", "Bytes received in uploads.", **about)
        self.uploads_open = Gauge("uploads_open", "Uploads being received.", **about)
        self.upload_seconds = Histogram("upload_seconds", "Time to receive a body.", buckets=SECONDS, **about)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def watch(self, ledger: Ledger) -> None:
        """Add the state of the ledger, which is read at each scrape."""
        self.registry.register(_LedgerCollector(ledger))


def exposition(metrics: Metrics) -> bytes:
    """Return everything in Prometheus' text format: the gateway's own metrics, the ledger's state, and the
    process's.
    """
    return generate_latest(metrics.registry) + generate_latest(meters().registry)


class _LedgerCollector(Collector):
    """Jobs by state, queues, leases, workers and outboxes, as the ledger has them at the scrape."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # registration must not read the ledger

    def collect(self) -> Iterator[Metric]:
        try:
            with self.ledger.read() as connection:
                gathered = status.gather(connection)
                counted = model_metrics.gather(connection)
        except Exception:  # a scrape must show that the ledger is unavailable, and not fail with it
            yield GaugeMetricFamily("viscera_ledger_up", "Whether the ledger can be read.", 0.0)
            return
        yield GaugeMetricFamily("viscera_ledger_up", "Whether the ledger can be read.", 1.0)
        yield _family("jobs", "Jobs by state.", ["state"], gathered.jobs)
        yield _family("stage_waiting", "Stages of jobs that wait for a worker.", ["stage"], gathered.waiting)
        yield _family("stage_oldest_seconds", "How long the first in the queue has waited.", ["stage"], gathered.oldest)
        yield _family("stage_running", "Stages of jobs at work, each under a lease.", ["stage"], gathered.running)
        yield _family("leases_overdue", "Leases that ran out and were not yet rescued.", ["stage"], gathered.overdue)
        yield _family("workers", "Live workers.", ["stage", "provider"], gathered.workers)
        where = ["stage", "name", "version", "sha256", "provider", "device"]
        yield _family("models", "Live workers by the model they run, and where.", where, gathered.models)
        yield _family("events", "Entries of the kept jobs' histories.", ["kind"], gathered.events)
        yield _family("files", "Requested files of results by state.", ["state"], gathered.files)
        yield GaugeMetricFamily("viscera_webhooks_due", "Messages that wait to be sent.", gathered.webhooks_due)
        yield from model_metrics.families(counted)


def _family(name: str, text: str, labels: list[str], values: dict[tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"viscera_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
