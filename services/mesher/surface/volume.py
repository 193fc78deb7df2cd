"""Offsets a surface so that it encloses the volume of its voxels."""

from __future__ import annotations

import numpy as np

from services.mesher.surface.mesh import Measures, face_normals, measure, measure_with, signed_volume
from shared.arrays import Float32, Float64, Int32


def keep_volume(
    points: Float64, faces: Int32, volume: float, mobility: Float64 | float = 1.0, now: Measures | None = None
) -> tuple[Float64, Measures]:
    """Move vertices (n, 3) along their normals until the surface encloses `volume`, by Newton's method.

    `mobility` (n, 1) from 0 to 1 scales the movement of each vertex; `now` are the measures of the surface, if known.
    Returns the vertices and their measures in single precision, the precision of the files.
    """
    now = now or measure(to_single(points), faces)
    points = points.copy()
    for _ in range(8):
        direction = now.normals
        direction *= mobility
        slope = float(np.einsum("ij,ij->", direction, now.normal_sums, dtype=np.float64)) / 6.0
        if slope > 0.0:
            direction *= (volume - now.volume) / slope
            points += direction
        near = to_single(points)
        now = measure_with(near, face_normals(near, faces), now.corners)
        if slope <= 0.0 or abs(now.volume - volume) <= 1e-4 * volume:
            break
    return points, now


def to_single(points: Float64) -> Float32:
    """Vertices (n, 3) relative to the first one, in single precision: measures do not depend on the position."""
    return (points - points[:1]).astype(np.float32)


def scale_to_volume(points: Float64, faces: Int32, volume: float) -> Float64:
    """Scale vertices (n, 3) about their mean until the surface encloses `volume`, where offsets failed."""
    now = signed_volume(points, faces)
    centre = points.mean(axis=0)
    return centre + (points - centre) * np.cbrt(volume / now) if now > 0.0 else points
