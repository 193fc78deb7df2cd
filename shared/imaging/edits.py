"""Edits of a label map as functions on arrays; each returns a new array and leaves its argument as it is.

Label maps are uint8 (slice, row, column). Two voxels of a label hang together if they share a face, an edge or a corner
(26 neighbours; within a slice 8), as the components of the mesher's report do. Two voxels outside a label hang together
only over a face (6 neighbours; within a slice 4), so that a surface that is closed by corners has an inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Bool, UInt8

Point = tuple[int, int, int]
"""Index of a voxel, (slice, row, column)."""


class BadEdit(ValueError):
    """The edit does not fit the label map; the text is one sentence for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Planes:
    """The planes from `first` to `last`, both included, along an array axis: 0 slice, 1 row, 2 column."""

    first: int
    last: int
    axis: int = 0

    def of(self, labels: UInt8) -> UInt8:
        """Return the part of a label map, not a copy, with the axis of the planes first.

        Raises BadEdit if there are no such planes.
        """
        along = np.moveaxis(labels, self.axis, 0)
        if not 0 <= self.first <= self.last < len(along):
            raise BadEdit(f"There are no such slices: they are numbered 0 to {len(along) - 1}.")
        return along[self.first : self.last + 1]


def relabel(labels: UInt8, at: Point, label: int, *, in_slice: bool = False) -> UInt8:
    """Give the connected part that has the voxel `at` the id `label`; with `in_slice` its part in that slice alone.

    Raises BadEdit if the voxel is outside the grid or is background.
    """
    _check_inside(labels, at)
    old = int(labels[at])
    if old == 0:
        raise BadEdit("There is no organ at the point of the edit.")
    where = box(labels == old)
    if in_slice:
        where = (slice(at[0], at[0] + 1), *where[1:])
    corner = tuple(at[axis] - where[axis].start for axis in range(3))
    result = labels.copy()
    result[where][_part(labels[where] == old, corner)] = label
    return result


def fill(labels: UInt8, label: int, *, in_slices: bool = False, planes: Planes | None = None) -> UInt8:
    """Give background that `label` encloses the id `label`; with `in_slices` what it encloses within each slice.

    With `planes` only those change, and a hole is what the label encloses within one of them. Voxels of other labels in
    a hole stay. A hole that reaches the border of the scan is none. Raises BadEdit if there are no such planes.
    """
    from scipy.ndimage import binary_fill_holes

    result = labels.copy()
    chosen = result if planes is None else planes.of(result)
    mask = chosen == label
    if not mask.any():
        return result
    where = box(mask)
    inside, target = mask[where], chosen[where]
    if in_slices or planes is not None:
        filled = np.stack([binary_fill_holes(image) for image in inside])
    else:
        filled = np.asarray(binary_fill_holes(inside), dtype=np.bool_)
    target[filled & (target == 0)] = label
    return result


def erase(labels: UInt8, label: int, slices: tuple[int, int] | None = None) -> UInt8:
    """Make a label background; `slices` limits that to the slices from the first to the last, both included.

    Raises BadEdit if there are no such slices.
    """
    result = labels.copy()
    chosen = result if slices is None else Planes(*slices).of(result)
    chosen[chosen == label] = 0
    return result


def paint(labels: UInt8, runs: Sequence[Sequence[int]], label: int) -> UInt8:
    """Give runs of voxels the id `label`: pairs (start, length), counted along columns, then rows, then slices.

    Raises BadEdit if a run is not inside the grid.
    """
    result = labels.copy()
    flat = result.reshape(-1)
    pairs: NDArray[np.int64] = np.asarray(runs, dtype=np.int64).reshape(-1, 2)
    if len(pairs) and (pairs[:, 0].min() < 0 or pairs[:, 1].min() < 1 or (pairs[:, 0] > flat.size - pairs[:, 1]).any()):
        raise BadEdit(f"A run of voxels is not inside the {flat.size} voxels of the label map.")
    for start, length in pairs:
        flat[start : start + length] = label
    return result


def changes(before: UInt8, after: UInt8) -> dict[int, tuple[int, int]]:
    """Return the number of voxels that each label gained and lost, for the labels that changed; not for background."""
    gained, lost = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for earlier, later in zip(before, after, strict=True):  # slice by slice: bincount takes eight bytes a voxel
        differs = earlier != later
        gained += np.bincount(later[differs], minlength=256)
        lost += np.bincount(earlier[differs], minlength=256)
    return {label: (int(gained[label]), int(lost[label])) for label in range(1, 256) if gained[label] or lost[label]}


def ids_of(labels: UInt8) -> set[int]:
    """Return the label ids of a label map, without background."""
    counts = sum(np.bincount(image.ravel(), minlength=256) for image in labels)
    return set(map(int, np.flatnonzero(counts))) - {0}


def _check_inside(labels: UInt8, at: Point) -> None:
    if not all(0 <= index < size for index, size in zip(at, labels.shape, strict=True)):
        raise BadEdit("The point of the edit is outside the label map.")


def box(mask: Bool) -> tuple[slice, slice, slice]:
    """Return the smallest box with all of a mask that is not empty: components then cost less time and memory."""
    sides = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(slice(int(used[0]), int(used[-1]) + 1))
    return sides[0], sides[1], sides[2]


def _part(mask: Bool, at: tuple[int, ...]) -> Bool:
    """Return the 26-connected component of a mask that has the voxel `at`."""
    from scipy.ndimage import label

    components, _ = label(mask, structure=np.ones((3, 3, 3), dtype=np.bool_))
    part: Bool = components == components[at]
    return part
