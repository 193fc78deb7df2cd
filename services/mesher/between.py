"""Slices between thick slices, so that a slope scanned in steps becomes a slope again.

Each label's outline in a slice is turned into its signed distance; between two slices the distances are mixed linearly
and the label with the largest positive one takes the voxel (after Raya and Udupa, IEEE TMI 1990).
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
from numpy.typing import NDArray

from services.mesher.runs import Layout

THICK = 2.5
"""Slices are thick from this many pixel sizes on."""
_MOST = 6
_MOST_VOXELS = 300_000_000
_REACH = 2.0
"""Distances count up to this many slice thicknesses: it bounds how shallow a slope is still followed."""

Distances = NDArray[np.float32]


def thick_axis(layout: Layout) -> tuple[int, int] | None:
    """The array axis (slow, middle, fast) along which slices are thick and into how many to part each, or None."""
    spacing = layout.spacing[::-1]
    axis = int(np.argmax(spacing))
    parts = float(spacing[axis] / np.delete(spacing, axis).max())
    if parts < THICK or layout.data.shape[axis] < 2:
        return None
    return axis, min(_MOST, max(2, round(parts)), max(2, _MOST_VOXELS // layout.data.size))


def part_slices(layout: Layout, axis: int, parts: int, labels: Collection[int]) -> Layout:
    """A label map with `parts` thin slices for each thick one along `axis`; its voxels fill the same space."""
    slices = np.moveaxis(layout.data, axis, 0)
    count = len(slices)
    spacing = layout.spacing[::-1]
    reach = float(_REACH * spacing[axis] / np.delete(spacing, axis).mean())
    window = _window(slices.max(axis=0), int(np.ceil(reach)) + 1)
    thin = np.zeros((count * parts, *slices.shape[1:]), dtype=np.uint8)
    names = np.array([0, *labels], dtype=np.uint8)
    nothing = np.zeros_like(slices[0][window])
    before = _distances(nothing, labels, reach)
    for number in range(count + 1):
        after = _distances(slices[number][window] if number < count else nothing, labels, reach)
        first = int(np.ceil((number - 0.5) * parts - 0.5))
        for place in range(max(0, first), min(count * parts, first + parts)):
            share = (place + 0.5) / parts + 0.5 - number
            thin[place][window] = names[_largest(before, after, share)]
        before = after
    matrix, origin = layout.matrix.copy(), layout.origin.copy()
    column = 2 - axis
    origin += matrix[:, column] * (0.5 / parts - 0.5)
    matrix[:, column] /= parts
    return Layout(np.ascontiguousarray(np.moveaxis(thin, 0, axis)), matrix, origin)


def _window(shadow: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """Rows and columns in which any slice holds a label, with a margin."""
    x, y, width, height = cv2.boundingRect((shadow > 0).astype(np.uint8))
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)


def _distances(image: NDArray[np.uint8], labels: Collection[int], reach: float) -> Distances:
    """Signed distances in pixels, positive inside, cut off at `reach`: (labels, rows, columns)."""
    found = np.full((len(labels), *image.shape), -reach, dtype=np.float32)
    for number, label in enumerate(labels):
        mask = (image == label).astype(np.uint8)
        if not mask.any():
            continue
        window = _window(mask, int(np.ceil(reach)) + 1)
        inside = cv2.copyMakeBorder(mask[window], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        signed = np.where(inside > 0, within - 0.5, 0.5 - beyond)[1:-1, 1:-1]
        found[number][window] = np.clip(signed, -reach, reach)
    return found


def _largest(before: Distances, after: Distances, share: float) -> NDArray[np.uint8]:
    """Index + 1 of the label with the largest positive distance, 0 where there is none."""
    mixed = (1.0 - share) * before + share * after
    best = mixed.argmax(axis=0)
    inside = np.take_along_axis(mixed, best[None], axis=0)[0] > 0
    return np.where(inside, best + 1, 0).astype(np.uint8)
