"""Edits that change the shape of an organ; like those of `shared.imaging.edits` they return a new label map.

Label maps are uint8 (slice, row, column). Spacings are mm along those axes, because voxels are seldom cubes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from shared.arrays import Bool, Float32, UInt8
from shared.imaging.edits import BadEdit, Planes, Point, box
from shared.imaging.interpolation import bounds, mix, signed_distances

Spacing = tuple[float, float, float]
_REACH = 3.0
"""The blur is cut off after this many sigmas."""


def smooth(labels: UInt8, label: int, mm: float, spacing: Spacing, planes: Planes | None = None) -> UInt8:
    """Smooth the outline of a label by a Gaussian with a sigma of `mm`; its volume stays.

    With `planes` only those change, each by its own pixels. Voxels of other labels stay. Raises BadEdit if there are no
    such planes.
    """
    result = labels.copy()
    if planes is None:
        _smooth(result, label, tuple(mm / side for side in spacing))
        return result
    sigma = tuple(mm / side for axis, side in enumerate(spacing) if axis != planes.axis)
    for plane in planes.of(result):
        _smooth(plane, label, sigma)
    return result


def _smooth(labels: UInt8, label: int, sigma: tuple[float, ...]) -> None:
    """Smooth a label in place: of the label and background, the voxels with the most of the blurred mask get it."""
    from scipy.ndimage import gaussian_filter

    where = _box_with_margin(labels == label, [int(np.ceil(_REACH * side)) + 1 for side in sigma])
    part = labels[where]
    mask = part == label
    count = int(mask.sum())
    if count == 0:
        return
    blurred = gaussian_filter(mask.astype(np.float32), sigma, mode="nearest", truncate=_REACH)
    blurred[~mask & (part != 0)] = 0.0
    part[mask] = 0
    part[_largest(blurred, count)] = label


def _largest(values: Float32, count: int) -> Bool:
    """Return where the `count` largest values are; of equal ones at the border all or none, whichever is closer."""
    least = np.partition(values, -count, axis=None)[-count]
    above, equal = values > least, (values >= least) & (values > 0)
    closer = abs(int(above.sum()) - count) < abs(int(equal.sum()) - count) and above.any()
    chosen: Bool = above if closer else equal
    return chosen


def _box_with_margin(mask: Bool, margin: Sequence[int]) -> tuple[slice, ...]:
    where = []
    for axis, width in enumerate(margin):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        first, last = (int(used[0]), int(used[-1])) if len(used) else (0, -1)
        where.append(slice(max(0, first - width), last + 1 + width))
    return tuple(where)


def remove_islands(labels: UInt8, label: int, below_ml: float, spacing: Spacing) -> UInt8:
    """Make the connected parts of a label that are smaller than `below_ml` background; its largest part stays."""
    from scipy.ndimage import label as connected

    result, mask = labels.copy(), labels == label
    if not mask.any():
        return result
    where = box(mask)
    parts, _ = connected(mask[where], structure=np.ones((3, 3, 3), dtype=np.bool_))
    sizes = np.bincount(parts.ravel())[1:]
    small = sizes * (np.prod(spacing) / 1000.0) < below_ml
    small[sizes.argmax()] = False
    result[where][np.concatenate([[False], small])[parts]] = 0
    return result


def interpolate(labels: UInt8, label: int, at: Sequence[Point], spacing: Spacing, axis: int = 0) -> UInt8:
    """Give a label the shapes between its parts in some planes, as the mesher does between thick slices.

    Each voxel of `at` names the part of the label that it is in, in its plane along the array axis `axis`. Parts of the
    label that the new shape meets give way to it; those that it does not meet stay. Other labels are overwritten.
    Raises BadEdit where a voxel is not in the label, all are in one plane, or two parts do not overlap.
    """
    result = labels.copy()
    planes = np.moveaxis(result, axis, 0)
    sides = (*(side for other, side in enumerate(spacing) if other != axis),)
    shapes = _shapes(np.moveaxis(labels, axis, 0) == label, [_from_plane(point, axis) for point in at])
    if len(shapes) < 2:
        raise BadEdit("To interpolate, name parts of the organ in two slices at least.")
    for first, last in pairwise(sorted(shapes)):
        for number, shape in _between(shapes, first, last, (sides[0], sides[1])):
            plane = planes[number]
            plane[_touching(plane == label, shape)] = 0
            plane[shape] = label
    return result


def _from_plane(point: Point, axis: int) -> Point:
    rest = [index for other, index in enumerate(point) if other != axis]
    return point[axis], rest[0], rest[1]


def _shapes(mask: Bool, at: Sequence[Point]) -> dict[int, Bool]:
    """Return the parts of a mask (plane, row, column) at some voxels, by their plane."""
    shapes: dict[int, Bool] = {}
    for point in at:
        if not all(0 <= index < size for index, size in zip(point, mask.shape, strict=True)) or not mask[point]:
            raise BadEdit("A point of the edit is not in the organ.")
        plane, seed = point[0], np.zeros(mask.shape[1:], dtype=np.bool_)
        if plane in shapes and shapes[plane][point[1:]]:
            continue
        seed[point[1:]] = True
        shapes[plane] = shapes.get(plane, False) | _touching(mask[plane], seed)
    return shapes


def _between(shapes: dict[int, Bool], first: int, last: int, spacing: tuple[float, float]) -> list[tuple[int, Bool]]:
    """Return the planes between two, each with its interpolated shape."""
    where = bounds(shapes[first] | shapes[last], (0, 0))
    far = float(np.hypot(*(side * (size + 1) for side, size in zip(spacing, shapes[first].shape, strict=True))))
    before, after = (
        signed_distances(shapes[plane][where].astype(np.uint8), [1], far, spacing) for plane in (first, last)
    )
    found = []
    for number in range(first + 1, last):
        shape = np.zeros_like(shapes[first])
        shape[where] = mix(before, after, (number - first) / (last - first)) > 0
        if not shape.any():
            raise BadEdit(f"The parts in slices {first} and {last} do not overlap enough: draw one between them.")
        found.append((number, shape))
    return found


def _touching(mask: Bool, other: Bool) -> Bool:
    """Return the connected parts of a mask (row, column) that have a pixel of another mask."""
    from scipy.ndimage import label as connected

    parts, count = connected(mask, structure=np.ones((3, 3), dtype=np.bool_))
    chosen = np.zeros(count + 1, dtype=np.bool_)
    chosen[parts[other]] = True
    chosen[0] = False
    result: Bool = chosen[parts]
    return result
