"""What a label map needs after the network: small islands and pinholes removed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint8]


def tidy(labels: Labels, spacing: tuple[float, float, float], island_ml: float = 1.0, share: float = 0.1) -> Labels:
    """A label map (slice, row, column) of `spacing` mm without islands and without pinholes.

    An island is a part of an organ smaller than `island_ml`, or than `share` of the organ's largest part. It becomes
    what it lies in: background. An organ whose parts are all small keeps its largest ones.
    """
    out = labels.copy()
    voxels = island_ml * 1000.0 / float(np.prod(spacing))
    for label in np.unique(labels[labels > 0]):
        _drop_islands(out, int(label), voxels, share)
    _fill_holes(out)
    return out


def _drop_islands(out: Labels, label: int, voxels: float, share: float) -> None:
    parts, count = ndimage.label(out == label, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    largest = sizes[1:].max()
    small = sizes < max(min(voxels, largest), share * largest)
    small[0] = False
    out[small[parts]] = 0


def _fill_holes(out: Labels) -> None:
    for one in out:
        for label in np.unique(one[one > 0]):
            filled = ndimage.binary_fill_holes(one == label)
            one[filled & (one == 0)] = label
