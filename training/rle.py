"""The competition's run-length code: pairs of (start, length), starts counted from 1 along rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def decode(code: str, rows: int, columns: int) -> NDArray[np.bool_]:
    """The mask (rows, columns) of a code; the empty code is the empty mask. ValueError if it leaves the image."""
    flat = np.zeros(rows * columns, dtype=bool)
    numbers = np.array(code.split(), dtype=np.int64)
    if numbers.size % 2:
        raise ValueError("a run-length code has an even count of numbers")
    for start, length in numbers.reshape(-1, 2):
        if start < 1 or length < 1 or start - 1 + length > flat.size:
            raise ValueError(f"a run of {length} from {start} leaves an image of {flat.size} pixels")
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(rows, columns)


def encode(mask: NDArray[np.bool_]) -> str:
    """The code of a mask (rows, columns)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel().astype(np.int8), [0]])))
    return " ".join(f"{start + 1} {end - start}" for start, end in edges.reshape(-1, 2))
