"""Measures a pair of exported models on labelled cases: `python -m training evaluate`.

Every case goes through `classify` and `segment`, the functions that the workers run, so the figures describe the
label map that a user gets: neighbours averaged, islands removed, holes filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from services.classifier.core import classify
from services.segmenter.confidence import WHOLE
from services.segmenter.core import segment
from shared.arrays import Bool, Float64, Int64, UInt8
from shared.imaging.confidence import Confidence
from shared.imaging.volume import ORGANS, SliceScores
from shared.models.network import Network
from training.dataset.cases import IGNORE, Case, organ_mask, volumes_of
from training.metrics import bootstrap, bootstrap_columns, competition, dice, distance_summary, organ_slice_dice

Figures = dict[str, float]
Interval = tuple[float, float, float]
MEAN = "mean"
"""Row of the summary that holds the mean over the organs."""


@dataclass(frozen=True, slots=True, eq=False)
class CaseResult:
    """One case with the results of both stages: slice scores and `predicted` labels uint8 (slice, row, column).

    `figures` maps an organ's name to its metrics, `confidence` has one entry per volume of the case.
    """

    case: Case
    scores: SliceScores
    predicted: UInt8
    figures: dict[str, Figures] = field(default_factory=dict)
    confidence: tuple[Confidence | None, ...] = ()

    def expected(self, name: str) -> list[float | None]:
        """The confidence on each slice of an organ, or "slice": of all together; empty where the model has none."""
        parts = [part for part in self.confidence if part is not None]
        return [value for part in parts for value in (part.slices if name == WHOLE else part.organs[name])]

    @property
    def shown(self) -> Bool:
        """Which slices (n,) show an organ in the reference."""
        return np.asarray(organ_mask(self.case.labels).any(axis=(1, 2)), dtype=np.bool_)


def evaluate_case(case: Case, classifier: Network, segmenter: Network) -> CaseResult:
    """Run both stages on a labelled case and compare; a case of unrelated slices runs slice by slice."""
    volumes = volumes_of(case)
    scores = [classify(volume, classifier) for volume in volumes]
    outlined = [segment(*pair, segmenter) for pair in zip(volumes, scores, strict=True)]
    predicted = np.concatenate([labels.data for labels in outlined])
    result = CaseResult(case, _joined(scores), predicted, confidence=tuple(labels.confidence for labels in outlined))
    result.figures.update({organ.name: compare(result, organ.id) for organ in ORGANS})
    return result


def classify_case(case: Case, classifier: Network) -> SliceScores:
    """The classifier stage's result for all slices of a case."""
    return _joined([classify(volume, classifier) for volume in volumes_of(case)])


def _joined(parts: list[SliceScores]) -> SliceScores:
    return SliceScores(np.concatenate([part.scores for part in parts]), np.concatenate([part.keep for part in parts]))


def compare(result: CaseResult, organ: int) -> Figures:
    """The metrics of one organ."""
    known = result.case.labels != IGNORE
    predicted, reference = (result.predicted == organ) & known, result.case.labels == organ
    figures = {"dice": dice(predicted, reference), "organ_slice_dice": organ_slice_dice(predicted, reference)}
    if result.case.kind == "volume":
        distances = distance_summary(predicted, reference, result.case.spacing)
        score = competition(predicted, reference)
        figures |= {"hd95_mm": distances.hd95, "mean_mm": distances.mean, "competition": score}
    elif not reference.any():
        figures["dice"] = float("nan")
    return figures


def summary(results: Sequence[CaseResult]) -> dict[str, dict[str, Interval]]:
    """Organ (or `MEAN`) -> metric -> (mean, low, high).

    Values are averaged within each patient, then over patients; the limits are a 95 % bootstrap over patients. The
    mean over the organs draws each patient with all organs.
    """
    tables = {name: by_patient(results, name) for name in _metrics(results)}
    rows = {
        organ.name: {name: bootstrap(table[:, column]) for name, table in tables.items()}
        for column, organ in enumerate(ORGANS)
    }
    return rows | {MEAN: {name: bootstrap_columns(table) for name, table in tables.items()}}


def _metrics(results: Sequence[CaseResult]) -> list[str]:
    return sorted({name for result in results for figures in result.figures.values() for name in figures})


def by_patient(results: Sequence[CaseResult], name: str) -> Float64:
    """A metric's mean over the cases of each patient: (patients, organs), NaN where a patient has no value."""
    patients: dict[str, list[list[float]]] = {}
    for result in results:
        row = [result.figures[organ.name].get(name, float("nan")) for organ in ORGANS]
        patients.setdefault(result.case.patient, []).append(row)
    return np.array([_finite_means(np.array(rows)) for rows in patients.values()], dtype=np.float64)


def _finite_means(rows: Float64) -> list[float]:
    columns = [column[np.isfinite(column)] for column in rows.T]
    return [float(column.mean()) if column.size else float("nan") for column in columns]


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """The classifier's recall against its false positives: parallel arrays over falling thresholds, and the area."""

    thresholds: Float64
    recall: Float64
    false_positives: Float64
    area: float


def roc_curve(results: list[CaseResult]) -> RocCurve:
    """The classifier's ROC over all labelled slices; the area is NaN where all slices or none show an organ."""
    scores = np.concatenate([result.scores.scores.max(axis=1) for result in results]).astype(np.float64)
    shown = np.concatenate([result.shown for result in results])
    order = np.argsort(-scores, kind="stable")
    scores, shown = scores[order], shown[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # equal scores pass together
    hits, misses = np.cumsum(shown)[last], np.cumsum(~shown)[last]
    if not hits[-1] or not misses[-1]:
        return RocCurve(scores[last], hits / max(hits[-1], 1), misses / max(misses[-1], 1), float("nan"))
    recall, wrong = hits / hits[-1], misses / misses[-1]
    area = float(np.trapezoid(np.concatenate([[0.0], recall]), np.concatenate([[0.0], wrong])))
    return RocCurve(scores[last], recall, wrong, area)


def confusion(results: list[CaseResult]) -> Int64:
    """Voxel counts [reference, predicted] over the classes 0 to 3, on slices that show an organ in the reference."""
    counts = np.zeros((4, 4), dtype=np.int64)
    for result in results:
        reference, predicted = result.case.labels[result.shown], result.predicted[result.shown]
        known = reference != IGNORE
        pairs = 4 * reference[known].astype(np.int64) + predicted[known]
        counts += np.bincount(pairs, minlength=16).reshape(4, 4)
    return counts
