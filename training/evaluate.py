"""Measure a pair of exported models on cases they never saw: `python -m training evaluate`.

The arrays go through `shared.imaging.preprocess` and ONNX Runtime as in serving; serving's clean-up of small islands
comes after this and is measured by itself (docs/models.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.imaging.preprocess import open_feed
from shared.imaging.volume import ORGANS
from shared.models.card import Coverage
from shared.models.network import Network
from training.cases import UNKNOWN, Case
from training.metrics import bootstrap, competition, dice, organ_slice_dice, surface

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One case with what the networks said: `scores` (slices, organs), `found` and true labels (slice, row, column)."""

    case: Case
    scores: NDArray[np.float32]
    found: NDArray[np.uint8]
    figures: dict[str, Figures] = field(default_factory=dict)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which slices (n,) truly show an organ."""
        flags: NDArray[np.bool_] = ((self.case.labels > 0) & (self.case.labels < UNKNOWN)).any(axis=(1, 2))
        return flags


def judge(case: Case, gate: Network, segmenter: Network) -> Judged:
    """Run both networks on a labelled case and compare; single slices are their own neighbours."""
    scores = _score(case, gate)
    found = _outline(case, segmenter, np.flatnonzero(_passed(case, scores, gate)))
    judged = Judged(case, scores, found)
    judged.figures.update({organ.name: _compare(judged, organ.id) for organ in ORGANS})
    return judged


def _score(case: Case, gate: Network) -> NDArray[np.float32]:
    feed = open_feed(case.data, case.spacing, case.modality, gate.card.input)
    return np.concatenate([gate(stacks) for _, stacks in feed.batches(np.arange(len(case.data)), 16)])


def _passed(case: Case, scores: NDArray[np.float32], gate: Network) -> NDArray[np.bool_]:
    keep: NDArray[np.bool_] = scores.max(axis=1) >= (gate.card.threshold or 0.5)
    if gate.card.coverage is not None and case.modality == "MR":
        keep = keep & within(len(scores), case.spacing[0], gate.card.coverage)
    return keep


def within(slices: int, slice_mm: float, coverage: Coverage) -> NDArray[np.bool_]:
    """Slices (n,), numbered towards the feet, where the card says that organs are outlined."""
    if not coverage.scan_mm[0] <= slices * slice_mm <= coverage.scan_mm[1]:
        return np.ones(slices, dtype=bool)
    inside: NDArray[np.bool_] = (np.arange(slices) - (slices - 1) / 2) * slice_mm <= coverage.caudal_mm
    return inside


def _outline(case: Case, segmenter: Network, chosen: NDArray[np.intp]) -> NDArray[np.uint8]:
    feed = open_feed(case.data, case.spacing, case.modality, segmenter.card.input)
    threshold = 0.5 if segmenter.card.threshold is None else segmenter.card.threshold
    found = np.zeros(case.data.shape, dtype=np.uint8)
    for indices, stacks in feed.batches(chosen, 8):
        for index, planes in zip(indices, segmenter(stacks), strict=True):
            organs = feed.window.back(planes[1:])
            found[index] = np.where(organs.sum(axis=0) >= threshold, organs.argmax(axis=0) + 1, 0)
    return found


def _compare(judged: Judged, organ: int) -> Figures:
    known = judged.case.labels != UNKNOWN
    found, truth = (judged.found == organ) & known, judged.case.labels == organ
    figures = {"dice": dice(found, truth), "organ_slice_dice": organ_slice_dice(found, truth)}
    if judged.case.kind == "volume":
        distances = surface(found, truth, judged.case.spacing)
        figures |= {"hd95_mm": distances.hd95, "mean_mm": distances.mean, "competition": competition(found, truth)}
    elif not truth.any():
        figures["dice"] = float("nan")
    return figures


def summary(judged: list[Judged]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """organ -> figure -> (mean, low, high): averaged within each patient, then over patients with bootstrap limits."""
    table: dict[str, dict[str, tuple[float, float, float]]] = {}
    for organ in ORGANS:
        names = sorted({name for one in judged for name in one.figures[organ.name]})
        table[organ.name] = {name: bootstrap(_by_patient(judged, organ.name, name)) for name in names}
    return table


def _by_patient(judged: list[Judged], organ: str, name: str) -> NDArray[np.float64]:
    held: dict[str, list[float]] = {}
    for one in judged:
        held.setdefault(one.case.patient, []).append(one.figures[organ].get(name, float("nan")))
    means = [np.mean(good) for values in held.values() if (good := [v for v in values if np.isfinite(v)])]
    return np.array(means, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How the gate trades recall against false positives: parallel arrays over falling thresholds, and the area."""

    thresholds: NDArray[np.float64]
    recall: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    area: float


def gate_curve(judged: list[Judged]) -> Curve:
    """The gate's ROC over all labelled slices; the area is not a number where one of the two kinds is missing."""
    scores = np.concatenate([one.scores.max(axis=1) for one in judged]).astype(np.float64)
    truth = np.concatenate([one.shown for one in judged])
    order = np.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # equal scores pass together
    hits, misses = np.cumsum(truth)[last], np.cumsum(~truth)[last]
    if not hits[-1] or not misses[-1]:
        return Curve(scores[last], hits / max(hits[-1], 1), misses / max(misses[-1], 1), float("nan"))
    recall, wrong = hits / hits[-1], misses / misses[-1]
    area = float(np.trapezoid(np.concatenate([[0.0], recall]), np.concatenate([[0.0], wrong])))
    return Curve(scores[last], recall, wrong, area)


def confusion(judged: list[Judged]) -> NDArray[np.int64]:
    """Counts of voxels [truth, found] over the classes 0 to 3, on slices that truly show an organ."""
    counts = np.zeros((4, 4), dtype=np.int64)
    for one in judged:
        truth, found = one.case.labels[one.shown], one.found[one.shown]
        known = truth != UNKNOWN
        counts += np.bincount(4 * truth[known].astype(np.int64) + found[known], minlength=16).reshape(4, 4)
    return counts
