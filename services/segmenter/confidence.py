"""The Dice coefficient that a network's probabilities let expect on each slice.

If each pixel belongs to the organ with the probability p that the network says, the outline A shares sum_A(p) pixels
with the truth, which has sum(p): the expected Dice coefficient is about 2 sum_A(p) / (|A| + sum(p)). Networks are too
sure of unfamiliar pictures, so the model's card says what such a value meant on patients that it had not seen.
"""

from __future__ import annotations

import numpy as np

from shared.arrays import Float32, Float64, UInt8
from shared.imaging.confidence import Confidence, Values
from shared.imaging.geometry import Reorientation
from shared.models.card import Calibration

WHOLE = "slice"
"""The name under which a calibration has all organs of a slice together."""


class ExpectedDice:
    """Collects what the probabilities of each slice expect: one value per organ, and one for all together."""

    def __init__(self, slices: int, organs: tuple[str, ...]) -> None:
        self._organs = organs
        # (slice, organ): NaN where there is no outline; the last column is for all organs
        self._values: Float64 = np.full((slices, len(organs) + 1), np.nan)

    def add(self, index: int, organs: Float32, labels: UInt8) -> None:
        """Take the probabilities (organ, row, column) of a slice and its outlines (row, column)."""
        outlined, shared = np.zeros(len(organs)), np.zeros(len(organs))
        for number, plane in enumerate(organs):
            where = labels == number + 1
            outlined[number], shared[number] = where.sum(), plane[where].sum(dtype=np.float64)
        if not outlined.any():
            return
        total = organs.sum(axis=(1, 2), dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(outlined > 0, 2.0 * shared / (outlined + total), np.nan)
        # A slice's Dice is the mean of its organs', large or small. All pixels together also tell of what is missing.
        pooled = 2.0 * shared.sum() / (outlined.sum() + total.sum())
        self._values[index] = [*each, 0.5 * (np.nanmean(each) + pooled)]

    def calibrated(self, calibration: Calibration, turn: Reorientation) -> Confidence | None:
        """The values on the scan's own grid, as the card's calibration reads them; None if it has none.

        `turn` led from the scan's grid to the one whose first axis the slices lie along.
        """
        if not calibration:
            return None
        rows = self._values[::-1] if turn.flip[0] else self._values
        names = (*self._organs, WHOLE)
        read = {name: _read(calibration, name, rows[:, column]) for column, name in enumerate(names)}
        return Confidence(axis=turn.order[0], slices=read.pop(WHOLE), organs=read)


def _read(calibration: Calibration, name: str, values: Float64) -> Values:
    knots = np.array(calibration.get(name, calibration[WHOLE]))
    read = np.interp(values, knots[:, 0], knots[:, 1])
    return tuple(None if np.isnan(value) else round(float(value), 3) for value in read)
