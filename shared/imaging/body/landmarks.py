"""Liver, spleen, pancreas, kidneys, oesophagus and spine around the organs, as simple shapes."""

from __future__ import annotations

import numpy as np

from shared.arrays import Float32
from shared.imaging.body.curves import tube
from shared.imaging.body.fields import axes_of, ellipsoid, tube_field
from shared.imaging.geometry import Floats, Geometry

_PANCREAS = (
    (-34, 8, -14, 13), (-30, 6, 0, 13), (-18, 8, 12, 10.5), (-2, 15, 20, 9), (18, 24, 28, 8.5), (40, 32, 36, 8.5),
    (60, 38, 44, 8), (74, 42, 52, 6.5),
)  # fmt: skip
_OESOPHAGUS = ((2, 14, 150, 8), (4, 13, 130, 8), (8, 12, 112, 8), (14, 12, 96, 8), (24, 12, 80, 9), (32, 12, 70, 9))
_SPINE = ((0, 50, 150), (0, 47, 90), (0, 43, 30), (0, 42, -20), (0, 48, -60), (0, 60, -92))
_SACRUM = ((0, 62, -96, 19), (0, 74, -116, 16), (0, 82, -142, 11), (0, 80, -166, 6))
_VERTEBRA = 34.0
"""Height in mm of a vertebra with its disc."""


def landmark_fields(grid: Geometry) -> list[Float32]:
    """Return signed distances (slice, row, column) in mm of each of `LANDMARKS`, in their order."""
    pancreas, oesophagus = _plain(grid, _PANCREAS), _plain(grid, _OESOPHAGUS)
    right, left = _kidney(grid, -60.0, 16.0), _kidney(grid, 60.0, 30.0)
    return [_liver(grid), _spleen(grid), pancreas, right, left, oesophagus, _spine(grid)]


def _plain(grid: Geometry, knots: tuple[tuple[float, ...], ...]) -> Float32:
    return tube_field(tube(np.array(knots), ((0.0, 0),)), grid).distance


def smooth_minimum(first: Float32, second: Float32, blend: float) -> Float32:
    """Return the smooth union of two distances, rounded over `blend` mm."""
    h = np.clip(blend - np.abs(first - second), 0.0, None) / blend
    result: Float32 = (np.minimum(first, second) - h * h * blend / 4.0).astype(np.float32)
    return result


def _liver(grid: Geometry) -> Float32:
    """A large right lobe and a flat left one under the dome of the diaphragm; the lower face rises to the left."""
    z, y, x = axes_of(grid)
    right = ellipsoid(grid, (-68.0, 4.0, 80.0), (60.0, 68.0, 66.0))
    left = ellipsoid(grid, (-4.0, -32.0, 106.0), (70.0, 40.0, 30.0), tilt=0.12)
    face = 40.0 + 0.5 * (x + 68.0)[None, None, :] - 0.2 * y[None, :, None]
    below = (np.minimum(face, 92.0) - z[:, None, None]).astype(np.float32)
    whole = smooth_minimum(right, left, 30.0)
    result: Float32 = -smooth_minimum(-whole, -below, 10.0)
    return result


def _spleen(grid: Geometry) -> Float32:
    outer = ellipsoid(grid, (101.0, 50.0, 98.0), (24.0, 38.0, 46.0), tilt=-0.25)
    hollow = ellipsoid(grid, (66.0, 20.0, 88.0), (26.0, 30.0, 36.0))
    result: Float32 = np.maximum(outer, 2.0 - hollow)
    return result


def _kidney(grid: Geometry, x: float, z: float) -> Float32:
    side = np.sign(x)
    bean = ellipsoid(grid, (x, 50.0, z), (26.0, 23.0, 54.0), tilt=-0.22 * float(side))
    hilum = ellipsoid(grid, (x - 27.0 * float(side), 44.0, z), (13.0, 12.0, 15.0))
    h = np.clip(8.0 - np.abs(bean + hilum), 0.0, None) / 8.0
    result: Float32 = (np.maximum(bean, -hilum) + 2.0 * h * h).astype(np.float32)
    return result


def _spine(grid: Geometry) -> Float32:
    """Vertebrae with discs, each with a spinous process and two transverse ones, and the sacrum."""
    knots = np.array([(*place, 20.0) for place in _SPINE])

    def waist(along: Floats, angle: Floats) -> Floats:
        del angle
        factor: Floats = 1.0 - 0.13 * np.sin(np.pi * along / _VERTEBRA) ** 2
        return factor

    column = tube(knots, ((0.0, 0),), relief=waist)
    spine = tube_field(column, grid).distance
    spine = smooth_minimum(spine, _plain(grid, _SACRUM), 10.0)
    spine = smooth_minimum(spine, ellipsoid(grid, (0.0, 70.0, -108.0), (50.0, 13.0, 30.0)), 14.0)
    for number in range(int(column.length / _VERTEBRA)):
        x, y, z = column.points[int((number + 0.5) * _VERTEBRA / 1.5)]
        for process in (
            ellipsoid(grid, (x, y + 38.0, z - 6.0), (4.5, 24.0, 11.0)),
            ellipsoid(grid, (x, y + 22.0, z), (35.0, 7.0, 7.5)),
        ):
            spine = smooth_minimum(spine, process, 8.0)
    return spine
