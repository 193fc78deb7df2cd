"""What a label map needs after the network: small islands and pinholes removed."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
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
    for label, box in _boxes(labels):
        _drop_islands(out[box], label, voxels, share)
    for one in out:
        for label, box in _boxes(one):
            _fill_holes(one[box], label)
    return out


def _boxes(labels: Labels) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Each label with the smallest box that holds it."""
    return ((label, box) for label, box in enumerate(ndimage.find_objects(labels), start=1) if box is not None)


def _drop_islands(part: Labels, label: int, voxels: float, share: float) -> None:
    pieces, count = ndimage.label(part == label, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    largest = sizes[1:].max()
    small = sizes < max(min(voxels, largest), share * largest)
    small[0] = False
    if small.any():
        part[small[pieces]] = 0


def _fill_holes(part: Labels, label: int) -> None:
    """Background of a slice's `part` that `label` encloses (4-neighbourhood) becomes that label."""
    other = cv2.copyMakeBorder((part != label).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, pieces = cv2.connectedComponents(other, connectivity=4)
    if count > 2:  # the label itself and what is outside it
        part[(pieces[1:-1, 1:-1] != pieces[0, 0]) & (part == 0)] = label
