"""The grid of a scan, the grid on which a network sees it, and the way between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.segmenter.volumes.resampling import (
    EXTENT,
    Lines,
    Points,
    Shape,
    Spacing,
    new_shape,
    separate_axis,
)
from shared.arrays import Float64, UInt8
from shared.imaging.volume_input import Resampling, VolumeInput

Box = tuple[slice, slice, slice]
_AT_THE_CORNER = 1e-8
"""Voxels by which a corner may lie before the first one (the tolerance of `numpy.allclose`, which MONAI uses)."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A scan's grid in the axes of the network, and the part of it that the network sees.

    `shape` is that of the scan, `box` the part that is not zero, `spacing` mm; `network_shape` and `network_spacing`
    are those of the part after resampling. Both have the same extent, or `lines` says along each axis where the voxels
    of the network's grid are.
    """

    shape: Shape
    box: Box
    spacing: Spacing
    network_shape: Shape
    network_spacing: Spacing
    lines: Lines = EXTENT

    @property
    def box_shape(self) -> Shape:
        """Return the shape of the part."""
        z, y, x = (side.stop - side.start for side in self.box)
        return z, y, x

    @property
    def lines_back(self) -> Lines:
        """Return where the voxels of the part are on the lines of the network's grid."""
        z, y, x = (line and Points(1.0 / line.step, -line.start / line.step) for line in self.lines)
        return z, y, x


def exact_spacing(spacing: Spacing) -> Spacing:
    """Return voxel sizes in mm as the header of a NIfTI file has them, from the lengths of an affine's columns.

    An oblique affine in 32 bits changes them by one part in ten million. Sizes of resampled grids are rounded, so that
    would change some by a voxel.
    """
    z, y, x = (float(np.float32(_shortest(size))) for size in spacing)
    return z, y, x


def _shortest(size: float) -> float:
    """Return a size with few digits, or a whole number of 1024ths, if 32 bits do not tell them from `size`."""
    candidates = (*(round(size, digits) for digits in range(5)), round(size * 1024) / 1024)
    return next((short for short in candidates if abs(short - size) <= 3e-7 * size), size)


def find_grid(
    images: Sequence[NDArray[Any]], spacing: Spacing, spec: VolumeInput, directions: Float64 | None = None
) -> Grid:
    """Return the grid of images (slice, row, column) of `spacing` mm, all in the axes of the network.

    `directions` (3, 3) has the axes of the images as columns, in mm; without it they are at right angles.
    """
    shape: Shape = images[0].shape[0], images[0].shape[1], images[0].shape[2]
    box = _nonzero_box(images) if spec.crop_to_nonzero else (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    sizes = spec.spacing if len(spec.spacing) == 3 else (spacing[0], *spec.spacing)
    target: Spacing = sizes[0], sizes[1], sizes[2]
    part: Shape = box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start
    if spec.framework == "nnunet":
        return Grid(shape, box, spacing, new_shape(part, spacing, target), target)
    network_shape, lines = points_of(part, np.diag(spacing) if directions is None else directions, target)
    return Grid(shape, box, spacing, network_shape, target, lines)


def points_of(shape: Shape, directions: Float64, spacing: Spacing) -> tuple[Shape, Lines]:
    """Return the shape of MONAI's grid of another spacing, and where its voxels are on the lines of the old one.

    Its first voxel is the old first one. Where the old axes are not at right angles, if only by the digits of an
    oblique affine in 32 bits, both middles (half of the shape) are at the same place instead. Formula: `zoom_affine`
    and `compute_shape_offset` of monai.data.utils.
    """
    upper = np.linalg.cholesky(directions.T @ directions).T
    new = directions @ np.linalg.inv(upper) @ np.diag(np.sign(np.diag(upper)) * np.asarray(spacing))
    sides = [(0.0, n - 1.0) for n in shape]
    corners = np.linalg.solve(new, directions) @ np.asarray(np.meshgrid(*sides, indexing="ij")).reshape(3, -1)
    target = np.round(np.ptp(corners, axis=1) + 1.0)
    step = np.diag(np.linalg.solve(directions, new))
    starts = np.zeros(3)
    if corners.min() < -_AT_THE_CORNER:
        starts = np.asarray(shape) / 2.0 - np.linalg.solve(directions, new) @ (target / 2.0)
    z, y, x = (Points(float(a), float(b)) for a, b in zip(step, starts, strict=True))
    return (int(target[0]), int(target[1]), int(target[2])), (z, y, x)


def _nonzero_box(images: Sequence[NDArray[Any]]) -> Box:
    """Return the box around all values other than 0, plane by plane; the whole grid where there are none."""
    shape = images[0].shape
    nonzero = [np.zeros(size, dtype=bool) for size in shape]
    for image in images:
        for index, plane in enumerate(image):
            mask = plane != 0
            rows = mask.any(axis=1)
            nonzero[0][index] |= rows.any()
            nonzero[1] |= rows
            nonzero[2] |= mask.any(axis=0)
    sides = [(int(where[0]), int(where[-1]) + 1) for where in map(np.flatnonzero, nonzero) if where.size]
    if len(sides) < 3:
        sides = [(0, size) for size in shape]
    return slice(*sides[0]), slice(*sides[1]), slice(*sides[2])


def uncrop(labels: UInt8, grid: Grid) -> UInt8:
    """Return a label map of the part on the whole grid."""
    whole = np.zeros(grid.shape, dtype=np.uint8)
    whole[grid.box] = labels
    return whole


def output_orders(grid: Grid, how: Resampling) -> tuple[int, int, int]:
    """Return the order with which results are resampled back along each axis."""
    axis = separate_axis(grid.network_spacing, grid.spacing, how)
    z, y, x = (how.order_z if side == axis else how.order for side in range(3))
    return z, y, x
