"""Fairing that does not shrink, and an offset that makes the volume exact."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from services.mesher.surface import (
    Corners,
    Floats,
    Ints,
    Measures,
    edge_ends,
    face_normals,
    measure,
    measure_by,
    signed_volume,
)

Float32s = NDArray[np.float32]


def neighbours(faces: Ints, corners: Corners) -> csr_array:
    """The mean over each vertex's neighbours as a sparse matrix (n, n), float32; the surface must be closed."""
    order, begin = corners
    start, end = edge_ends(faces)
    degree = np.diff(begin)
    weight = (1.0 / np.maximum(degree, 1)).astype(np.float32).take(start.take(order))
    return csr_array((weight, end.take(order), begin), shape=(len(degree), len(degree)))


@cache
def low_pass(cutoff: float, degree: int) -> tuple[float, ...]:
    """Chebyshev coefficients of exp(-(k / cutoff)^2) on the graph frequencies k in [0, 2], with gain 1 at k = 0.

    Its slope at 0 is 0, so smooth shapes keep their size (after Taubin, SIGGRAPH 1995).
    """
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    response = np.exp(-(((1.0 - nodes) / cutoff) ** 2))
    coefficients = np.polynomial.chebyshev.chebfit(nodes, response, degree)
    coefficients /= coefficients.sum()
    return tuple(float(value) for value in coefficients)


def fair(points: Float32s, mean: csr_array, *filters: tuple[float, ...]) -> list[Float32s]:
    """Filter vertex positions (n, 3) by polynomials of the neighbours' mean, all in one Chebyshev recurrence."""
    before, current = points, np.asarray(mean @ points)
    start = [np.float32(each[0]) * before + np.float32(each[1]) * current for each in filters]
    totals: list[Float32s] = [total.astype(np.float32, copy=False) for total in start]
    for order in range(2, max(len(each) for each in filters)):
        following = np.asarray(mean @ current)
        following *= np.float32(2.0)
        following -= before
        before, current = current, following
        for number, each in enumerate(filters):
            if order < len(each):
                totals[number] += np.float32(each[order]) * current
    return totals


def keep_volume(
    points: Floats, faces: Ints, volume: float, freedom: Floats | float = 1.0, now: Measures | None = None
) -> tuple[Floats, Measures]:
    """Move vertices (n, 3) along their normals until the surface encloses `volume`, by Newton's method.

    `freedom` (n, 1) in 0..1 says how far each vertex goes along; `now` is what the surface measures. Returns the
    vertices and what they measure, in single precision, which is how they are written.
    """
    now = now or measure(single(points), faces)
    points = points.copy()
    for _ in range(8):
        direction = now.normals
        direction *= freedom
        slope = float(np.einsum("ij,ij->", direction, now.sums, dtype=np.float64)) / 6.0
        if slope > 0.0:
            direction *= (volume - now.volume) / slope
            points += direction
        near = single(points)
        now = measure_by(near, face_normals(near, faces), now.corners)
        if slope <= 0.0 or abs(now.volume - volume) <= 1e-4 * volume:
            break
    return points, now


def single(points: Floats) -> Float32s:
    """Vertices (n, 3) from the first one on, in single precision: a surface measures the same wherever it lies."""
    return (points - points[:1]).astype(np.float32)


def scale_to_volume(points: Floats, faces: Ints, volume: float) -> Floats:
    """The last resort: scale vertices (n, 3) about their centre until the surface encloses `volume`."""
    now = signed_volume(points, faces)
    centre = points.mean(axis=0)
    return centre + (points - centre) * np.cbrt(volume / now) if now > 0.0 else points
