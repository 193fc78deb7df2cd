"""How many pairs of a surface's triangles pass through each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
_CHUNK = 2_000_000


def self_intersections(vertices: NDArray[Any], faces: NDArray[Any]) -> int:
    """Pairs of triangles of `faces` (m, 3) that share no vertex and where an edge of one passes through the other.

    Triangles that lie in one plane do not count. Edges against triangles after Moeller and Trumbore (1997).
    """
    corners = np.asarray(vertices, dtype=np.float64)[faces]
    centre = corners.mean(axis=1)
    reach = float(np.linalg.norm(corners - centre[:, None], axis=2).max())
    pairs = cKDTree(centre).query_pairs(2.0 * reach, output_type="ndarray")
    low, high = corners.min(axis=1), corners.max(axis=1)
    count = 0
    for at in range(0, len(pairs), _CHUNK):
        first, second = pairs[at : at + _CHUNK].T
        near = ((low[first] <= high[second]) & (low[second] <= high[first])).all(axis=1)
        first, second = first[near], second[near]
        apart = (faces[first][:, :, None] != faces[second][:, None, :]).all(axis=(1, 2))
        a, b = corners[first[apart]], corners[second[apart]]
        count += int((_pierced(a, b) | _pierced(b, a)).sum())
    return count


def _pierced(edges: Floats, triangles: Floats) -> NDArray[np.bool_]:
    """Whether an edge of each triangle of `edges` (n, 3, 3) passes through the inside of the other (n, 3, 3)."""
    found = np.zeros(len(edges), dtype=bool)
    u, v = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    for corner in range(3):
        start, way = edges[:, corner], edges[:, (corner + 1) % 3] - edges[:, corner]
        across = np.cross(way, v)
        scale = np.einsum("ij,ij->i", u, across)
        flat = np.abs(scale) < 1e-12
        scale = np.where(flat, 1.0, scale)
        aside = start - triangles[:, 0]
        s = np.einsum("ij,ij->i", aside, across) / scale
        turned = np.cross(aside, u)
        t = np.einsum("ij,ij->i", way, turned) / scale
        along = np.einsum("ij,ij->i", v, turned) / scale
        found |= ~flat & (s > 0) & (t > 0) & (s + t < 1) & (along > 0) & (along < 1)
    return found
