"""Offsets a surface so that it encloses the volume of its voxels."""

from __future__ import annotations

import numpy as np

from services.mesher.surface.mesh import Measures, face_normals, measure, measure_with
from shared.arrays import Float32, Float64, Int32

_MOST_STEPS = 12
_TOLERANCE = 1e-4
"""Relative error of the volume at which the offset ends."""


def keep_volume(
    points: Float64,
    faces: Int32,
    volume: float,
    mobility: Float64 | float = 1.0,
    now: Measures | None = None,
    *,
    limit: float = np.inf,
) -> tuple[Float64, Measures]:
    """Move vertices (n, 3) along their normals until the surface encloses `volume`, by Newton's method.

    No vertex moves further than `limit` in one step: where the surface is much smaller than `volume`, Newton's step is
    many times the size of the surface, and turns it inside out. `mobility` (n, 1) from 0 to 1 scales the movement of
    each vertex; `now` are the measures of the surface, if known. Returns the vertices and their measures in single
    precision, the precision of the files. The volume is not reached where that needs more than twelve steps.
    """
    now = now or measure(to_single(points), faces)
    points = points.copy()
    fastest = float(np.max(mobility))
    for _ in range(_MOST_STEPS):
        direction = now.normals
        direction *= mobility
        slope = float(np.einsum("ij,ij->", direction, now.normal_sums, dtype=np.float64)) / 6.0
        if slope > 0.0:
            step = (volume - now.volume) / slope
            direction *= min(max(step, -limit / fastest), limit / fastest)
            points += direction
        near = to_single(points)
        now = measure_with(near, face_normals(near, faces), now.corners)
        if slope <= 0.0 or abs(now.volume - volume) <= _TOLERANCE * volume:
            break
    return points, now


def to_single(points: Float64) -> Float32:
    """Vertices (n, 3) relative to the first one, in single precision: measures do not depend on the position."""
    return (points - points[:1]).astype(np.float32)
