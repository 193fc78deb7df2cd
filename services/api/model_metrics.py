"""The statistics of models as metrics: jobs, results outside the domain, volumes, and how far they moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from sqlalchemy import Connection, select

from shared.ledger import model_statistics
from shared.ledger.model_statistics import DICE, DIFFERENCE, OUT_OF_DOMAIN, VOLUME, ModelStatistics, Periods
from shared.ledger.model_tables import models

LABELS = ("name", "version", "key")
STATES = ("succeeded", "failed", "cancelled")
KEY = 12
"""Digits of a model's key in its label: models of the same name and version may differ in their cards."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One model: its labels (name, version, beginning of its key) and its statistics."""

    labels: tuple[str, ...]
    statistics: ModelStatistics

    def of(self, kind: str) -> Iterator[tuple[tuple[str, ...], Periods]]:
        """Yield the labels and the values of each quantity of a kind; those of an organ have its name as a label."""
        for (each, organ), periods in sorted(self.statistics.quantities.items()):
            if each == kind:
                yield (*self.labels, *((organ,) if organ else ())), periods


def gather(connection: Connection) -> list[Counted]:
    """Read the statistics of the models that a worker has reported."""
    statistics = model_statistics.of_models(connection)
    query = select(models.c.key, models.c.name, models.c.version).where(models.c.key.in_(list(statistics)))
    rows = connection.execute(query.order_by(models.c.key)).all()
    return [Counted((row.name, row.version, row.key[:KEY]), statistics[row.key]) for row in rows]


def families(counted: Iterable[Counted]) -> Iterator[Metric]:
    """Yield the metrics of models."""
    counted = list(counted)
    yield _jobs(counted)
    yield from _domain(counted)
    yield from _volumes(counted)
    yield from _drift(counted)
    yield from _shadow(counted)


def _jobs(counted: Iterable[Counted]) -> Metric:
    ended = CounterMetricFamily("viscera_model_jobs", "Ended jobs by model and state.", labels=[*LABELS, "state"])
    for model in counted:
        for state in STATES:  # Prometheus sees no increase in a series that appears with its first value
            ended.add_metric([*model.labels, state], model.statistics.jobs.get(state, 0))
    return ended


def _domain(counted: Iterable[Counted]) -> Iterator[Metric]:
    results = CounterMetricFamily("viscera_model_results", "Results by model.", labels=LABELS)
    outside = CounterMetricFamily(
        "viscera_model_out_of_domain", "Results with the warning out_of_domain, by model.", labels=LABELS
    )
    for model in counted:
        for where, periods in model.of(OUT_OF_DOMAIN):
            results.add_metric(where, periods.every.count)
            outside.add_metric(where, periods.every.total)
    yield from (results, outside)


def _volumes(counted: Iterable[Counted]) -> Iterator[Metric]:
    labels = [*LABELS, "organ"]
    volumes = SummaryMetricFamily("viscera_model_volume_ml", "Volumes of organs by model, in mL.", labels=labels)
    squares = CounterMetricFamily(
        "viscera_model_volume_ml_squares", "Sum of the squares of these volumes, for their deviation.", labels=labels
    )
    for model in counted:
        for where, periods in model.of(VOLUME):
            volumes.add_metric(where, periods.every.count, periods.every.total)
            squares.add_metric(where, periods.every.squares)
    yield from (volumes, squares)


def _drift(counted: Iterable[Counted]) -> Iterator[Metric]:
    text = "compared with the model's first week, in standard deviations"
    volumes = GaugeMetricFamily(
        "viscera_model_volume_drift", f"Mean volume of an organ in the last days, {text}.", labels=[*LABELS, "organ"]
    )
    outside = GaugeMetricFamily(
        "viscera_model_out_of_domain_drift", f"Share out of domain in the last days, {text}.", labels=LABELS
    )
    for model in counted:
        for kind, family in ((VOLUME, volumes), (OUT_OF_DOMAIN, outside)):
            for where, periods in model.of(kind):
                if periods.drift is not None:
                    family.add_metric(where, periods.drift)
    yield from (volumes, outside)


def _shadow(counted: Iterable[Counted]) -> Iterator[Metric]:
    labels = [*LABELS, "organ"]
    text = "of an organ, of a model that is compared with the results of others."
    dice = GaugeMetricFamily("viscera_model_shadow_dice", f"Mean Dice coefficient {text}", labels=labels)
    difference = GaugeMetricFamily(
        "viscera_model_shadow_difference_ml", f"Mean difference of volume, in mL, {text}", labels=labels
    )
    scans = CounterMetricFamily("viscera_model_shadow_scans", f"Compared outlines {text}", labels=labels)
    for model in counted:
        for where, periods in model.of(DICE):
            dice.add_metric(where, periods.every.mean)
            scans.add_metric(where, periods.every.count)
        for where, periods in model.of(DIFFERENCE):
            difference.add_metric(where, periods.every.mean)
    yield from (dice, difference, scans)
