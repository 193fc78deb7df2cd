"""Resampling along each axis in turn, with the weights of `scipy.ndimage.zoom` on a grid of cells.

nnU-Net resamples with scikit-image's `resize` (mode `edge`), which calls that function. A spline of several axes is
the product of splines of one axis, so one matrix per axis gives the same values in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from shared.arrays import Float32, Float64, Int64
from shared.imaging.volume_input import Resampling

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]


class Points(NamedTuple):
    """Where new points are on a line of old ones: the first at `start`, `step` old ones apart."""

    step: float
    start: float = 0.0

    @property
    def is_same(self) -> bool:
        """Return whether the new points are the old ones, as near as MONAI asks."""
        return abs(self.step - 1.0) <= _SAME and abs(self.start) <= _SAME


Lines = tuple[Points | None, Points | None, Points | None]
"""The points along each axis; None: the new cells have the extent of the old ones."""
EXTENT: Lines = (None, None, None)
_SAME = 1e-3
ANISOTROPY = 3.0
"""Largest over smallest voxel size above which the coarsest axis is resampled separately (nnU-Net)."""
_ROWS = 32
"""Rows that are resampled along the first axis at once."""


def new_shape(shape: Shape, spacing: Spacing, new_spacing: Spacing) -> Shape:
    """Return the shape of a grid of about the same extent with another spacing, rounded as nnU-Net does."""
    z, y, x = (max(1, round(a / b * n)) for a, b, n in zip(spacing, new_spacing, shape, strict=True))
    return z, y, x


def separate_axis(spacing: Spacing, new_spacing: Spacing, how: Resampling) -> int | None:
    """Return the axis to resample separately, or None.

    It is the coarsest axis of the old spacing or else of the new one; where two are equally coarse there is none.
    """
    if how.separate_z is None:
        sizes = next((s for s in (spacing, new_spacing) if max(s) / min(s) > ANISOTROPY), None)
    else:
        sizes = spacing if how.separate_z else None
    if sizes is None:
        return None
    coarsest = [axis for axis, size in enumerate(sizes) if max(sizes) / size == 1.0]
    return coarsest[0] if len(coarsest) == 1 else None


def axis_matrix(size: int, new_size: int, order: int, line: Points | None = None) -> Float32:
    """Return the matrix (new_size, size) that resamples a line of cells with a spline.

    With `line` the new cells are points of the old one; `order` is then 0 or 1.
    """
    if line is not None:
        return taps(size, new_size, order, line).matrix(size)
    lines = np.eye(size)
    zoom = np.array([new_size / size, 1.0])
    zoomed = ndimage.zoom(lines, zoom, order=order, mode="nearest", grid_mode=True)  # type: ignore[call-overload]
    return np.asarray(zoomed, dtype=np.float32)


def resample(  # noqa: PLR0917
    planes: Iterable[Float32],
    shape: Shape,
    target: Shape,
    orders: tuple[int, int],
    is_separate: bool,
    lines: Lines = EXTENT,
) -> Float32:
    """Return a volume at another shape, float32.

    `planes` are those along the first axis of a volume of `shape`. `orders` are those along the first axis and in the
    planes; `lines` are those of `axis_matrix`. Splines overshoot, so values are clipped to the range of the volume, or
    of each plane with `is_separate`.
    """
    if is_same_grid(shape, target, lines):
        return _stack(planes, shape)
    rows, columns = (axis_matrix(shape[axis], target[axis], orders[1], lines[axis]) for axis in (1, 2))
    resampled_planes = np.empty((shape[0], target[1], target[2]), dtype=np.float32)
    low, high = np.inf, -np.inf
    for index, plane in enumerate(planes):
        low, high = min(low, float(plane.min())), max(high, float(plane.max()))
        np.matmul(rows @ plane, columns.T, out=resampled_planes[index])
        if is_separate:
            np.clip(resampled_planes[index], plane.min(), plane.max(), out=resampled_planes[index])
    if shape[0] == target[0] and (lines[0] is None or lines[0].is_same):
        return resampled_planes if is_separate else np.clip(resampled_planes, low, high, out=resampled_planes)
    slices = axis_matrix(shape[0], target[0], orders[0], lines[0])
    done = np.empty(target, dtype=np.float32)
    for row in range(0, target[1], _ROWS):
        part = resampled_planes[:, row : row + _ROWS]
        done[:, row : row + _ROWS] = np.tensordot(slices, part, axes=(1, 0))
    return done if is_separate else np.clip(done, low, high, out=done)


def is_same_grid(shape: Shape, target: Shape, lines: Lines) -> bool:
    """Return whether there is nothing to resample."""
    return shape == target and all(line is None or line.is_same for line in lines)


def _stack(planes: Iterable[Float32], shape: Shape) -> Float32:
    volume = np.empty(shape, dtype=np.float32)
    for index, plane in enumerate(planes):
        volume[index] = plane
    return volume


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """For each new cell of a line the two old ones (n,) between which it is, and the weight (n,) of the second."""

    first: Int64
    second: Int64
    weight: Float32

    def rows(self, plane: Float32) -> Float32:
        """Return a plane (old, columns) with its rows resampled: (n, columns)."""
        below: Float32 = plane[self.first]
        below += (plane[self.second] - below) * self.weight[:, None]
        return below

    def matrix(self, size: int) -> Float32:
        """Return the matrix (n, size) that does the same to a line of `size` cells."""
        return self.rows(np.eye(size, dtype=np.float32))


def taps(size: int, new_size: int, order: int, line: Points | None = None) -> Taps:
    """Return the cells that `scipy.ndimage.zoom` reads with order 0 or 1 for a line of `size` cells.

    With `line` they are those that torch's `grid_sample` reads for its points, with the line's ends repeated
    (`padding_mode` border); half-way points then belong to the even cell.
    """
    new = np.arange(new_size)
    at: Float64 = np.clip(
        new * line.step + line.start if line else (new + 0.5) * (size / new_size) - 0.5, 0.0, size - 1.0
    )
    nearest = np.floor(at + 0.5) if line is None else np.rint(at)
    first = (nearest if order == 0 else np.floor(at)).astype(np.int64)
    weight = np.zeros(new_size) if order == 0 else at - first
    return Taps(first, np.minimum(first + 1, size - 1), weight.astype(np.float32))
