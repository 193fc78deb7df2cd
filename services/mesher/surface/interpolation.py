"""Thin slices between thick ones by shape-based interpolation: a slope scanned in thick slices would become stairs."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from services.mesher.surface.runs import Layout
from shared.imaging.interpolation import bounds, mix, signed_distances

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
    sides = np.delete(spacing, axis)
    # Rounded, because the sides of square pixels come from an affine; distances in square pixels are quick.
    pixel = (round(float(sides[0] / sides.mean()), 3), round(float(sides[1] / sides.mean()), 3))
    reach = float(_REACH * spacing[axis] / sides.mean())
    margin = int(np.ceil(reach)) + 1
    window = bounds(slices.max(axis=0), (margin, margin))
    thin = np.zeros((count * parts, *slices.shape[1:]), dtype=np.uint8)
    ids = np.array([0, *labels], dtype=np.uint8)
    empty = np.zeros_like(slices[0][window])
    before = signed_distances(empty, labels, reach, pixel)
    for number in range(count + 1):
        after = signed_distances(slices[number][window] if number < count else empty, labels, reach, pixel)
        # Thin slices whose centres are between the centres of slice number - 1 and slice number.
        first = int(np.ceil((number - 0.5) * parts - 0.5))
        for place in range(max(0, first), min(count * parts, first + parts)):
            share = (place + 0.5) / parts + 0.5 - number
            thin[place][window] = ids[mix(before, after, share)]
        before = after
    matrix, origin = layout.matrix.copy(), layout.origin.copy()
    column = 2 - axis
    origin += matrix[:, column] * (0.5 / parts - 0.5)
    matrix[:, column] /= parts
    return Layout(np.ascontiguousarray(np.moveaxis(thin, 0, axis)), matrix, origin)
