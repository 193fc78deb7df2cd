"""Distances to tubes and ellipsoids on a grid, and how they are joined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Float32, UInt8
from shared.imaging.body.curves import STEP, Tube
from shared.imaging.geometry import Floats, Geometry

FAR = np.float32(1e3)
MARGIN = 6.0
"""Millimetres outside a tube within which its distance is computed; further away it is `FAR`."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Signed distances `distance` in mm, negative inside, and the part `part` that is nearest, each (slice, row,
    column).
    """

    distance: Float32
    part: UInt8


def tube_field(tube: Tube, grid: Geometry) -> Field:
    """Return the field of a tube on an axis-aligned grid; away from the tube the distance is `FAR`."""
    nearest = np.full(grid.shape, FAR, dtype=np.float32)
    number = np.full(grid.shape, -1, dtype=np.int32)
    axes = axes_of(grid)
    for sample, (point, radius) in enumerate(zip(tube.points, tube.radii, strict=True)):
        window = _window(axes, point, 1.3 * radius + MARGIN)
        z, y, x = (axis[part] - point[2 - k] for k, (axis, part) in enumerate(zip(axes, window, strict=True)))
        # The distance to the ball of this sample decides, so that wide and narrow pieces join where their balls meet.
        to_ball = np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2) - radius
        block, numbers = nearest[window], number[window]
        closer = to_ball < block
        block[closer] = to_ball[closer]
        numbers[closer] = sample
    found = np.flatnonzero(number >= 0)
    distance, part = np.full(nearest.size, FAR, dtype=np.float32), np.zeros(nearest.size, dtype=np.uint8)
    at = number.reshape(-1)[found]
    distance[found] = _relieved(tube, at, _places(axes, found, grid.shape), nearest.reshape(-1)[found])
    part[found] = tube.parts[at]
    return Field(distance.reshape(grid.shape), part.reshape(grid.shape))


def _relieved(tube: Tube, at: NDArray[np.int32], places: Floats, plain: Float32) -> Floats:
    """Distances (n,) with the tube's relief and depth, at places (n, 3) whose nearest samples are `at`."""
    if tube.relief is None and tube.depth == 1.0:
        return plain.astype(np.float64)
    offset = places - tube.points[at]
    tangent, side = tube.tangents[at], tube.sides[at]
    along = STEP * at + np.einsum("ij,ij->i", offset, tangent)
    across = np.cross(tangent, side)
    angle = np.arctan2(np.einsum("ij,ij->i", offset, across), np.einsum("ij,ij->i", offset, side))
    factor = np.ones(len(at)) if tube.relief is None else tube.relief(along, angle)
    if tube.depth != 1.0:
        away = np.linalg.norm(offset, axis=1) + 1e-9
        factor = factor * (1.0 + (tube.depth - 1.0) * (offset[:, 1] / away) ** 2)
    distance: Floats = plain + tube.radii[at] * (1.0 - factor)
    return distance


def axes_of(grid: Geometry) -> tuple[Floats, Floats, Floats]:
    """Return the patient z, y and x in mm of the slices, rows and columns of an axis-aligned grid."""
    z, y, x = (grid.affine[k, 3] + grid.affine[k, k] * np.arange(grid.shape[2 - k]) for k in (2, 1, 0))
    return z, y, x


def _window(axes: tuple[Floats, Floats, Floats], point: Floats, reach: float) -> tuple[slice, slice, slice]:
    slices = []
    for axis, middle in zip(axes, point[::-1], strict=True):
        inside = np.flatnonzero(np.abs(axis - middle) <= reach)
        slices.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0))
    return slices[0], slices[1], slices[2]


def _places(axes: tuple[Floats, Floats, Floats], flat: NDArray[np.intp], shape: tuple[int, int, int]) -> Floats:
    z, y, x = (axis[index] for axis, index in zip(axes, np.unravel_index(flat, shape), strict=True))
    return np.stack([x, y, z], axis=1)


def joined(first: Field, second: Field, blend: float) -> Field:
    """Return the smooth union of two fields, rounded over `blend` mm (Quilez, polynomial smooth minimum)."""
    h = np.clip(blend - np.abs(first.distance - second.distance), 0.0, None) / blend
    distance = np.minimum(first.distance, second.distance) - h * h * blend / 4.0
    part = np.where(first.distance <= second.distance, first.part, second.part)
    return Field(distance.astype(np.float32), part.astype(np.uint8))


def ellipsoid(
    grid: Geometry, centre: tuple[float, float, float], radii: tuple[float, float, float], tilt: float = 0.0
) -> Float32:
    """Return approximate distances (slice, row, column) in mm to an ellipsoid; `tilt` radians turn its top to +x."""
    z, y, x = axes_of(grid)
    dz, dy, dx = z[:, None, None] - centre[2], y[None, :, None] - centre[1], x[None, None, :] - centre[0]
    u, w = np.cos(tilt) * dx - np.sin(tilt) * dz, np.sin(tilt) * dx + np.cos(tilt) * dz
    scaled = np.sqrt((u / radii[0]) ** 2 + (dy / radii[1]) ** 2 + (w / radii[2]) ** 2)
    distance: Float32 = ((scaled - 1.0) * min(radii)).astype(np.float32)
    return distance
