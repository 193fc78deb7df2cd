"""Which voxel centres lie inside a closed surface: crossings of lines along the columns, filled by winding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.imaging.geometry import Geometry

_JITTER = (1.37e-5, 2.71e-5)
"""Lines run this far (in voxels) beside the centres, so that none meets an edge of the surface."""


def voxelise(vertices: NDArray[Any], faces: NDArray[Any], geometry: Geometry) -> NDArray[np.bool_]:
    """The mask (slice, row, column) of a surface given in patient LPS mm, wound outward."""
    index = geometry.to_index(vertices)
    slices, rows, columns = geometry.shape
    corners = index[faces]
    y, z = corners[:, :, 1] - _JITTER[0], corners[:, :, 2] - _JITTER[1]
    first_y, last_y = np.ceil(y.min(axis=1)).astype(int), np.floor(y.max(axis=1)).astype(int)
    first_z, last_z = np.ceil(z.min(axis=1)).astype(int), np.floor(z.max(axis=1)).astype(int)
    steps = np.zeros(slices * rows * (columns + 1), dtype=np.int32)
    for dz in range(int((last_z - first_z).max(initial=-1)) + 1):
        for dy in range(int((last_y - first_y).max(initial=-1)) + 1):
            at = np.flatnonzero((first_y + dy <= last_y) & (first_z + dz <= last_z))
            _cross(steps, corners[at], (first_y[at] + dy, first_z[at] + dz), geometry.shape)
    inside: NDArray[np.bool_] = np.cumsum(steps.reshape(slices, rows, columns + 1), axis=2)[:, :, :columns] != 0
    return inside


def _cross(
    steps: NDArray[np.int32], corners: NDArray[Any], line: tuple[NDArray[Any], NDArray[Any]], shape: tuple[int, ...]
) -> None:
    """Add to `steps`, by column, the entries (+1) and exits (-1) of triangles that meet the line of their row."""
    slices, rows, columns = shape
    y, z = line[0] + _JITTER[0], line[1] + _JITTER[1]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        py, pz = y - corners[:, 0, 1], z - corners[:, 0, 2]
        b, c = (py * v[:, 2] - pz * v[:, 1]) / area, (u[:, 1] * pz - u[:, 2] * py) / area
        hit = (area != 0) & (b >= 0) & (c >= 0) & (b + c <= 1)
    hit &= (line[0] >= 0) & (line[0] < rows) & (line[1] >= 0) & (line[1] < slices)
    x = corners[hit, 0, 0] + b[hit] * u[hit, 0] + c[hit] * v[hit, 0]
    column = np.clip(np.ceil(x), 0, columns).astype(np.int64)
    where = (line[1][hit] * rows + line[0][hit]) * (columns + 1) + column
    np.add.at(steps, where, np.sign(area[hit]).astype(np.int32))


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Twice the common part over the sum."""
    return float(2.0 * (first & second).sum() / max(int(first.sum() + second.sum()), 1))
