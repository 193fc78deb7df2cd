"""Voxel values of files that say neither their modality nor their final dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.imaging.volume import Modality

_CT_AIR = -500  # HU; MR has no values this low
MODALITY_GUESSED = "modality_guessed"
"""Warning: nothing says whether the scan is MR or CT; its values decided."""


def guess_modality(data: np.ndarray[Any, Any]) -> Modality:
    """Return CT for data with values as low as air in Hounsfield units, and MR otherwise."""
    return "CT" if float(data.min()) <= _CT_AIR else "MR"


def scaled(stored: np.ndarray[Any, Any], slope: float | None, intercept: float) -> np.ndarray[Any, Any]:
    """Return stored values (slice, row, column) in native byte order and at most four bytes, without NaN.

    With a slope they are float32 `slope * value + intercept`. Slice by slice, so that no second copy is needed.
    """
    dtype = _decoded_dtype(stored.dtype, slope)
    if dtype == stored.dtype and dtype.kind != "f":
        return stored
    data = np.empty(stored.shape, dtype)
    for k, image in enumerate(stored):
        data[k] = image
        if slope is not None:
            data[k] *= dtype.type(slope)
            data[k] += dtype.type(intercept)
        if dtype.kind == "f":
            np.nan_to_num(data[k], copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return data


def _decoded_dtype(dtype: np.dtype[Any], slope: float | None) -> np.dtype[Any]:
    if slope is not None or dtype.kind == "f" or dtype.itemsize > 4:
        return np.dtype(np.float32)
    if dtype.itemsize > 2 and not dtype.isnative:
        return np.dtype(np.float32)
    return dtype.newbyteorder("=")
