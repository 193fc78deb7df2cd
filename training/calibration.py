"""What a model's expected Dice coefficients mean: compared with true outlines of patients that it has not seen.

A card's calibration is a straight line through such pairs, one for each organ and one for whole slices: a hundred
slices can tell two numbers. Its figures are cross-fitted: the line that reads a patient's slices is that of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.segmenter.confidence import WHOLE
from shared.arrays import Bool, Float64
from shared.imaging.confidence import LOW
from shared.imaging.volume import ORGANS
from shared.models.card import Calibration
from shared.models.network import Network
from training.dataset.cases import IGNORE
from training.evaluate import CaseResult, Interval
from training.metrics import dice

AS_IT_IS: Calibration = {WHOLE: ((0.0, 0.0), (1.0, 1.0))}
FOLDS, BINS, MIN_SLICES = 5, 10, 20
NAMES = (*(organ.name for organ in ORGANS), WHOLE)


def uncalibrated(network: Network) -> Network:
    """The network with a card whose confidences are the expected Dice coefficients themselves."""
    return replace(network, card=network.card.model_copy(update={"calibration": AS_IT_IS}))


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Slices with an outline: expected and true Dice (n,), and a number (n,) that is each patient's own."""

    expected: Float64
    dice: Float64
    patient: Float64

    def of(self, chosen: Bool) -> Samples:
        """Some of the samples."""
        return Samples(self.expected[chosen], self.dice[chosen], self.patient[chosen])


def samples(results: Sequence[CaseResult], name: str) -> Samples:
    """Samples of an organ, or of whole slices: their Dice is the mean of the organs that either outline shows."""
    rows: list[tuple[float, float, float]] = []
    for result in results:
        expected = result.expected(name)
        patient = float(int.from_bytes(hashlib.sha256(result.case.patient.encode()).digest()[:6]))
        for index, value in enumerate(expected):
            if value is not None:
                rows.append((value, _slice_dice(result, index, name), patient))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    table = table[np.isfinite(table[:, 1])]
    return Samples(table[:, 0], table[:, 1], table[:, 2])


def _slice_dice(result: CaseResult, index: int, name: str) -> float:
    reference, predicted = result.case.labels[index], result.predicted[index]
    known = reference != IGNORE
    values = []
    for organ in ORGANS:
        outlined, true = (predicted == organ.id) & known, reference == organ.id
        if name in {organ.name, WHOLE} and (outlined.any() or true.any()):
            values.append(dice(outlined, true))
    return float(np.mean(values)) if values else float("nan")


def line(of: Samples) -> tuple[tuple[float, float], ...]:
    """Points of the line of least squares, level where it would leave 0 to 1, and all over where it would fall."""
    slope, start = np.polyfit(of.expected, of.dice, 1) if np.ptp(of.expected) > 0 else (0.0, 0.0)
    if slope <= 0.0:
        slope, start = 0.0, float(of.dice.mean())
    crossings = [(end - start) / slope for end in (0.0, 1.0)] if slope else []
    xs = np.array([0.0, *(x for x in crossings if 0.0 < x < 1.0), 1.0]).round(4)
    ys = np.clip(start + slope * xs, 0.0, 1.0).round(4)
    return tuple(zip(xs.tolist(), ys.tolist(), strict=True))


def calibration(results: Sequence[CaseResult]) -> Calibration:
    """The calibration of a model, from `uncalibrated` results on patients that it has not seen.

    An organ with fewer than MIN_SLICES outlines goes by the whole slices' line; with fewer slices there is none.
    """
    tables = {name: samples(results, name) for name in NAMES}
    lines = {name: line(table) for name, table in tables.items() if len(table.dice) >= MIN_SLICES}
    return lines if WHOLE in lines else {}


def cross_fitted(of: Samples) -> Float64:
    """The confidence (n,) of each sample by the line through the patients of the other folds."""
    fold = of.patient % FOLDS
    values = np.empty_like(of.dice)
    for number in range(FOLDS):
        inside = fold == number
        if inside.any():
            points = np.array(line(of if inside.all() else of.of(~inside)))
            values[inside] = np.interp(of.expected[inside], points[:, 0], points[:, 1])
    return values


def calibration_error(confidence: Float64, true: Float64) -> float:
    """The expected calibration error (Guo et al. 2017): mean distance of confidence and Dice in ten equal bins."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(float((confidence - true)[bins == one].sum())) for one in np.unique(bins)]
    return sum(gaps) / len(true)


def reliability(confidence: Float64, true: Float64) -> list[tuple[float, float, int]]:
    """(Mean confidence, mean Dice, slices) of each of ten equal bins that has a slice: the reliability curve."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        (float(confidence[bins == one].mean()), float(true[bins == one].mean()), int((bins == one).sum()))
        for one in np.unique(bins)
    ]


def auroc(confidence: Float64, bad: Bool) -> float:
    """The probability that a bad slice has less confidence than a good one; equal ones count half. NaN without both."""
    if not bad.any() or bad.all():
        return float("nan")
    low, high = confidence[bad][:, None], confidence[~bad][None, :]
    return float(((low < high) + 0.5 * (low == high)).mean())


def flagged_difference(of: Samples, confidence: Float64, rounds: int = 2000, seed: int = 0) -> Interval:
    """Mean Dice of slices with enough confidence less that of the others, with a 95 % bootstrap over patients."""
    flagged = confidence < LOW
    patients = np.unique(of.patient)
    rows = [np.flatnonzero(of.patient == patient) for patient in patients]
    rng = np.random.default_rng(seed)

    def difference(chosen: Float64 | np.ndarray) -> float:
        low, high = of.dice[chosen][flagged[chosen]], of.dice[chosen][~flagged[chosen]]
        return float(high.mean() - low.mean()) if low.size and high.size else float("nan")

    drawn = [
        difference(np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])) for _ in range(rounds)
    ]
    value = difference(np.arange(len(of.dice)))
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(value) else (value, value)
    return value, float(low), float(high)


def calibration_report(results: Sequence[CaseResult]) -> str:
    """The figures of `cross_fitted` confidences as Markdown: a table, then the reliability curve of whole slices."""
    lines = [
        "| | slices | Dice below 0.5 | AUROC | calibration error | low confidence | Dice of the others less theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        table = samples(results, name)
        if len(table.dice) < 2:
            continue
        confidence = cross_fitted(table)
        bad = table.dice < 0.5
        value, low, high = flagged_difference(table, confidence)
        lines.append(
            f"| {name} | {len(bad)} | {bad.sum()} | {auroc(confidence, bad):.3f} | "
            f"{calibration_error(confidence, table.dice):.3f} | {(confidence < LOW).sum()} | "
            f"{value:+.3f} ({low:+.3f} to {high:+.3f}) |"
        )
    whole = samples(results, WHOLE)
    curve = reliability(cross_fitted(whole), whole.dice)
    points = ", ".join(f"{confidence:.2f} → {true:.2f} ({count})" for confidence, true, count in curve)
    return "\n".join([*lines, "", f"Confidence → Dice (slices): {points}"])
