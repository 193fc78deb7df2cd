"""Pairs of triangles of a surface that pass through each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from shared.arrays import Bool, Float64

_CHUNK_PAIRS = 1_000_000
_MARGIN = 1e-5
"""Relative margin by which an edge must pass inside a triangle, and the smallest sine of its angle to the triangle.

Marching cubes makes many triangles that touch or share a plane. Vertices come from single precision, so such triangles
seem to pass through each other by about 1e-7 of their size.
"""


def crossings(vertices: NDArray[Any], faces: NDArray[Any]) -> int:
    """Number of pairs of `faces` (m, 3) where an edge of one triangle passes through the other.

    Triangles that share an edge, that only touch, or that share a plane do not count. A k-d tree of the centres finds
    pairs near each other; edges are tested after Moeller and Trumbore (1997).
    """
    if not len(faces):
        return 0
    corners = np.asarray(vertices, dtype=np.float64)[faces]
    # Crossings do not depend on the units of the axes. With these, triangles are about as long along all of them; with
    # long ones among flat ones, the tree would return almost all pairs.
    corners /= np.maximum(np.ptp(corners, axis=1).mean(axis=0), 1e-12)
    centre = corners.mean(axis=1)
    reach = float(np.linalg.norm(corners - centre[:, None], axis=2).max())
    pairs = cKDTree(centre).query_pairs(2.0 * reach, output_type="ndarray")
    low, high = corners.min(axis=1), corners.max(axis=1)
    count = 0
    for at in range(0, len(pairs), _CHUNK_PAIRS):
        first, second = pairs[at : at + _CHUNK_PAIRS].T
        near = ((low[first] <= high[second]) & (low[second] <= high[first])).all(axis=1)
        first, second = first[near], second[near]
        shared = (faces[first][:, :, None] == faces[second][:, None, :]).sum(axis=(1, 2))
        a, b = corners[first[shared < 2]], corners[second[shared < 2]]
        count += int((_pierces(a, b) | _pierces(b, a)).sum())
    return count


def _pierces(edges: Float64, triangles: Float64) -> Bool:
    """Whether an edge of each triangle of `edges` (n, 3, 3) passes through the inside of the other triangle (n, 3, 3).

    The point on the edge is start + along * direction, and the point in the triangle is corner 0 + s u + t v.
    """
    pierces = np.zeros(len(edges), dtype=bool)
    u, v = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    size = np.linalg.norm(np.cross(u, v), axis=1)
    for corner in range(3):
        start, direction = edges[:, corner], edges[:, (corner + 1) % 3] - edges[:, corner]
        across = np.cross(direction, v)
        scale = np.einsum("ij,ij->i", u, across)
        parallel = np.abs(scale) <= _MARGIN * size * np.linalg.norm(direction, axis=1)
        scale = np.where(parallel, 1.0, scale)
        offset = start - triangles[:, 0]
        s = np.einsum("ij,ij->i", offset, across) / scale
        turned = np.cross(offset, u)
        t = np.einsum("ij,ij->i", direction, turned) / scale
        along = np.einsum("ij,ij->i", v, turned) / scale
        inside = (s > _MARGIN) & (t > _MARGIN) & (s + t < 1.0 - _MARGIN)
        pierces |= ~parallel & inside & (along > _MARGIN) & (along < 1.0 - _MARGIN)
    return pierces
