"""Turns the numbers of a file into label ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import UnsupportedScan

_FLOAT = 0.01
"""How far a number of a plain float file may be off a whole number: programs that resample leave 2.9999."""
_SCALED = 0.25
"""The same for scaled files, at most: half a step of the stored integers."""
_HALF_STEP = 0.5005
"""A label in the middle of two stored integers is off by half a step, and by rounding of 32-bit numbers."""


def to_labels(data: NDArray[Any], slope: float = 0.0) -> NDArray[np.uint8]:
    """Return the ids as uint8; `slope` is the scale slope of the stored integers, 0 where they are not scaled.

    Raises UnsupportedScan for numbers that are not whole, below 0 or above 255.
    """
    if data.dtype == np.uint8:
        return np.ascontiguousarray(data)
    rounded = data if data.dtype.kind in "bui" else _round(data, max(_FLOAT, min(abs(slope) * _HALF_STEP, _SCALED)))
    low, high = rounded.min(), rounded.max()
    if low < 0 or high > 255:
        wrong = int(low if low < 0 else high)
        raise UnsupportedScan(f"The ids of a label map are 0 to 255; this one has {wrong}. Renumber its labels first.")
    return rounded.astype(np.uint8)


def _round(data: NDArray[Any], tolerance: float) -> NDArray[Any]:
    rounded: NDArray[Any] = np.rint(data)
    far = ~(np.abs(data - rounded) <= tolerance)  # true for NaN as well
    if far.any():
        raise UnsupportedScan(
            f"A label map has whole numbers; this one has {data[far][0]:.4g}. Probabilities are no label map."
        )
    return rounded
