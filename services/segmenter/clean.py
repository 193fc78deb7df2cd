"""Post-processing of a label map: removes small islands and fills holes."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from scipy import ndimage

from shared.arrays import UInt8


def tidy(labels: UInt8, spacing: tuple[float, float, float], island_ml: float = 1.0, share: float = 0.1) -> UInt8:
    """Remove islands and holes from a label map (slice, row, column) of `spacing` mm, in place; return it.

    An island is a component (26-neighbourhood) of an organ below `island_ml`, or below `share` of the organ's largest
    component; it becomes background. If all components of an organ are small, the largest ones stay.
    """
    voxels = island_ml * 1000.0 / float(np.prod(spacing))
    for label, box in list(_boxes(labels)):
        _drop_islands(labels[box], label, voxels, share)
    for plane in labels:
        for label, box in list(_boxes(plane)):
            _fill_holes(plane[box], label)
    return labels


def _boxes(labels: UInt8) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Each label with its bounding box."""
    return ((label, box) for label, box in enumerate(ndimage.find_objects(labels), start=1) if box is not None)


def _drop_islands(part: UInt8, label: int, voxels: float, share: float) -> None:
    components, count = ndimage.label(part == label, structure=np.ones((3, 3, 3)))
    # Plane by plane: `bincount` copies its input as int64, which is eight times the label map.
    sizes = np.zeros(count + 1, dtype=np.int64)
    for plane in components:
        sizes += np.bincount(plane.ravel(), minlength=count + 1)
    largest = sizes[1:].max()
    small = sizes < max(min(voxels, largest), share * largest)
    small[0] = False  # component 0 is everything else
    if small.any():
        for plane, numbers in zip(part, components, strict=True):
            plane[small[numbers]] = 0


def _fill_holes(part: UInt8, label: int) -> None:
    """Give `label` to background that it encloses (4-neighbourhood), in the box `part` of one slice."""
    # A frame of one pixel joins everything outside of the organ into one component.
    other = cv2.copyMakeBorder((part != label).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, components = cv2.connectedComponents(other, connectivity=4)
    if count > 2:  # the label itself and what is outside it
        part[(components[1:-1, 1:-1] != components[0, 0]) & (part == 0)] = label
