"""Shape-based interpolation of thick slices (Raya and Udupa, IEEE TMI 1990).

In each slice, the outline of each label becomes its signed distance. Between two slices the distances are mixed
linearly, and the label with the largest positive distance gets the voxel. Without it, a slope that was scanned in thick
slices becomes stairs.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from services.mesher.surface.runs import Layout
from shared.arrays import Float32, UInt8

THICK = 2.5
"""Slices are thick from this many pixel sizes on; below, the blur of the field bridges the steps."""
_MOST_PARTS = 6
_MOST_VOXELS = 300_000_000
_REACH = 2.0
"""Distances are limited to this many slice thicknesses, which limits how shallow a slope is still followed."""


def thick_axis(layout: Layout) -> tuple[int, int] | None:
    """The array axis (slow, middle, fast) along which slices are thick and the number of parts of each, or None."""
    spacing = layout.spacing[::-1]
    axis = int(np.argmax(spacing))
    ratio = float(spacing[axis] / np.delete(spacing, axis).max())
    if ratio < THICK or layout.data.shape[axis] < 2:
        return None
    return axis, min(_MOST_PARTS, max(2, round(ratio)), max(2, _MOST_VOXELS // layout.data.size))


def interpolate_slices(layout: Layout, axis: int, parts: int, labels: Collection[int]) -> Layout:
    """A label map with `parts` thin slices for each thick slice along `axis`, which fill the same space."""
    slices = np.moveaxis(layout.data, axis, 0)
    count = len(slices)
    spacing = layout.spacing[::-1]
    reach = float(_REACH * spacing[axis] / np.delete(spacing, axis).mean())
    window = _window(slices.max(axis=0), int(np.ceil(reach)) + 1)
    thin = np.zeros((count * parts, *slices.shape[1:]), dtype=np.uint8)
    ids = np.array([0, *labels], dtype=np.uint8)
    empty = np.zeros_like(slices[0][window])
    before = _distances(empty, labels, reach)
    for number in range(count + 1):
        after = _distances(slices[number][window] if number < count else empty, labels, reach)
        # Thin slices whose centres are between the centres of slice number - 1 and slice number.
        first = int(np.ceil((number - 0.5) * parts - 0.5))
        for place in range(max(0, first), min(count * parts, first + parts)):
            share = (place + 0.5) / parts + 0.5 - number
            thin[place][window] = ids[_largest(before, after, share)]
        before = after
    matrix, origin = layout.matrix.copy(), layout.origin.copy()
    column = 2 - axis
    origin += matrix[:, column] * (0.5 / parts - 0.5)
    matrix[:, column] /= parts
    return Layout(np.ascontiguousarray(np.moveaxis(thin, 0, axis)), matrix, origin)


def _window(image: UInt8, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of all labels of an image, with a margin."""
    x, y, width, height = cv2.boundingRect((image > 0).astype(np.uint8))
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)


def _distances(image: UInt8, labels: Collection[int], reach: float) -> Float32:
    """Signed distances in pixels, positive inside, limited to `reach`: (labels, rows, columns)."""
    distances = np.full((len(labels), *image.shape), -reach, dtype=np.float32)
    for number, label in enumerate(labels):
        mask = (image == label).astype(np.uint8)
        if not mask.any():
            continue
        window = _window(mask, int(np.ceil(reach)) + 1)
        inside = cv2.copyMakeBorder(mask[window], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        to_outside = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        to_inside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        # OpenCV measures from pixel centre to pixel centre; the outline is half a pixel before that.
        signed = np.where(inside > 0, to_outside - 0.5, 0.5 - to_inside)[1:-1, 1:-1]
        distances[number][window] = np.clip(signed, -reach, reach)
    return distances


def _largest(before: Float32, after: Float32, share: float) -> UInt8:
    """Index + 1 of the label with the largest positive distance, 0 where no distance is positive."""
    mixed = (1.0 - share) * before + share * after
    best = mixed.argmax(axis=0)
    inside = np.take_along_axis(mixed, best[None], axis=0)[0] > 0
    return np.where(inside, best + 1, 0).astype(np.uint8)
