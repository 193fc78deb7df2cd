"""Low-pass filters of vertex positions that do not shrink the surface (after Taubin, SIGGRAPH 1995)."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.sparse import csr_array

from services.mesher.surface.mesh import VertexCorners, edge_ends
from shared.arrays import Float32, Int32


def neighbour_mean(faces: Int32, corners: VertexCorners) -> csr_array:
    """The sparse matrix (n, n) that takes the mean over each vertex's neighbours; the surface must be closed."""
    order, begin = corners
    start, end = edge_ends(faces)
    degree = np.diff(begin)
    weight = (1.0 / np.maximum(degree, 1)).astype(np.float32).take(start.take(order))
    return csr_array((weight, end.take(order), begin), shape=(len(degree), len(degree)))


@cache
def low_pass(cutoff: float, degree: int) -> tuple[float, ...]:
    """Chebyshev coefficients of exp(-(k / cutoff)^2) on the graph frequencies k in [0, 2], with gain 1 at k = 0.

    Its slope at 0 is 0, so smooth shapes keep their size.
    """
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    response = np.exp(-(((1.0 - nodes) / cutoff) ** 2))
    coefficients = np.polynomial.chebyshev.chebfit(nodes, response, degree)
    coefficients /= coefficients.sum()
    return tuple(float(value) for value in coefficients)


def apply_filters(points: Float32, mean: csr_array, *filters: tuple[float, ...]) -> list[Float32]:
    """Apply each filter to vertex positions (n, 3): polynomials of `mean`, all in one Chebyshev recurrence."""
    before, current = points, np.asarray(mean @ points)
    start = [np.float32(each[0]) * before + np.float32(each[1]) * current for each in filters]
    totals: list[Float32] = [total.astype(np.float32, copy=False) for total in start]
    for order in range(2, max(len(each) for each in filters)):
        following = np.asarray(mean @ current)
        following *= np.float32(2.0)
        following -= before
        before, current = current, following
        for number, each in enumerate(filters):
            if order < len(each):
                totals[number] += np.float32(each[order]) * current
    return totals
