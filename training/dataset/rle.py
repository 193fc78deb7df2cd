"""The competition's run-length encoding: pairs of (start, length), row-major, starts counted from 1."""

from __future__ import annotations

import numpy as np

from shared.arrays import Bool


def decode(code: str, rows: int, columns: int) -> Bool:
    """The mask (rows, columns) of a code; the empty code is the empty mask.

    Raises ValueError if a run is incomplete or leaves the image.
    """
    flat = np.zeros(rows * columns, dtype=bool)
    numbers = np.array(code.split(), dtype=np.int64)
    if numbers.size % 2:
        raise ValueError("a run-length code has an even count of numbers")
    for start, length in numbers.reshape(-1, 2):
        if start < 1 or length < 1 or start - 1 + length > flat.size:
            raise ValueError(f"a run of {length} from {start} leaves an image of {flat.size} pixels")
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(rows, columns)


def encode(mask: Bool) -> str:
    """The code of a mask (rows, columns)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel().astype(np.int8), [0]])))
    return " ".join(f"{start + 1} {end - start}" for start, end in edges.reshape(-1, 2))
