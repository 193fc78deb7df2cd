"""How far two label maps of one scan agree, organ by organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.arrays import Int64
from shared.imaging.volume import LabelMap

_IDS = 256
"""Label ids are uint8."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The Dice coefficient of one organ (0 to 1), and its predicted volume less the reference's in mL."""

    dice: float
    difference_ml: float


def agreement(reference: LabelMap, predicted: LabelMap) -> dict[str, Agreement]:
    """Return the agreement of each organ, by name, that both label maps can have and at least one has.

    Both are on the same grid. The ids of an organ may differ. Dice, "Measures of the amount of ecologic association
    between species", 1945.
    """
    counts = _counts(reference, predicted)
    ids = {organ.name: organ.id for organ in predicted.organs}
    found = {}
    for organ in reference.organs:
        if organ.name not in ids:
            continue
        first, second = int(counts[organ.id].sum()), int(counts[:, ids[organ.name]].sum())
        if first + second:
            dice = 2.0 * int(counts[organ.id, ids[organ.name]]) / (first + second)
            found[organ.name] = Agreement(dice, (second - first) * reference.geometry.voxel_ml)
    return found


def _counts(reference: LabelMap, predicted: LabelMap) -> Int64:
    """Return how many voxels have each pair of ids (reference, predicted); slice by slice, to need little memory."""
    counts = np.zeros(_IDS * _IDS, dtype=np.int64)
    for first, second in zip(reference.data, predicted.data, strict=True):
        counts += np.bincount((first.astype(np.int64) * _IDS + second).ravel(), minlength=_IDS * _IDS)
    return counts.reshape(_IDS, _IDS)
