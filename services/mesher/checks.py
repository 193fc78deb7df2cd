"""The guarantees, checked on the finished mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from services.mesher.results import Checks
from services.mesher.surface import Corners, Ints, Measures, Mesh, edge_ends

VOLUME_TOLERANCE = 0.005
"""How far a mesh's volume may be from that of its voxels."""


def check(mesh: Mesh, measures: Measures, volume: float) -> Checks:
    """Hold `mesh`, with its `measures`, to the guarantees; `volume` is that of its voxels in mm3."""
    closed, simple = topology(mesh.faces, len(mesh.vertices), measures.corners)
    return Checks(
        watertight=closed,
        manifold=simple,
        outward=closed and measures.volume > 0.0,
        no_degenerate_faces=len(mesh.faces) > 0 and measures.smallest > 0.0,
        volume_kept=abs(measures.volume - volume) <= VOLUME_TOLERANCE * volume,
        finite_normals=bool(np.isfinite(mesh.vertices).all()) and _are_units(mesh.normals),
    )


def topology(faces: Ints, vertices: int, corners: Corners | None = None) -> tuple[bool, bool]:
    """Whether a surface is closed with one winding, and whether it is a manifold around every edge and vertex.

    Closed: each directed edge occurs once and so does its opposite. Manifold: besides, the triangles around a vertex
    form one fan.
    """
    if not len(faces):
        return False, False
    corners = corners or Corners.of(faces, vertices)
    twin = _pair(faces, corners)
    if twin is None:
        return False, False
    return True, _single_fans(_next_corner(twin), corners)


def twins(faces: Ints, vertices: int) -> Ints:
    """For the edge from each corner to the next (3 m,), the corner that starts its reverse; for closed surfaces."""
    twin = _pair(faces, Corners.of(faces, vertices))
    if twin is None:
        raise ValueError("the surface is not closed")
    return twin


def _pair(faces: Ints, corners: Corners) -> Ints | None:
    """The twin of each corner's edge, or None where an edge repeats or lacks its reverse."""
    start, end = edge_ends(faces)
    order, begin = corners
    vertices = len(begin) - 1
    # Turning a sparse matrix from rows to columns sorts it: once by end, twice by start, each row by the other.
    by_start = csr_array((order, end.take(order), begin), shape=(vertices, vertices))
    by_end = by_start.T.tocsr()
    by_start = by_end.T.tocsr()
    beside = by_start.indices
    repeated = (beside[1:] == beside[:-1]) & (np.diff(start.take(by_start.data)) == 0)
    if repeated.any() or (by_start.indptr != by_end.indptr).any() or (beside != by_end.indices).any():
        return None
    twin = np.empty_like(order)
    twin[by_start.data] = by_end.data
    return twin


def _next_corner(twin: Ints) -> Ints:
    """The corner that follows each corner in the fan around its vertex.

    Corner c starts the directed edge c; its twin edge ends at the same vertex, and the edge after that starts there.
    """
    after = np.arange(1, len(twin) + 1, dtype=np.int32)
    after[2::3] -= 3
    following: Ints = after.take(twin)
    return following


def _single_fans(following: Ints, corners: Corners) -> bool:
    """Whether going round each vertex from one of its corners meets all its corners before it is back."""
    degree = np.diff(corners.begin)
    used = np.flatnonzero(degree)
    first = corners.order.take(corners.begin.take(used))
    current, left = following.take(first), degree.take(used) - 1
    for _ in range(int(degree.max())):
        if ((current == first) != (left == 0)).any():
            return False
        open_ = left > 0
        if not open_.any():
            break
        still = np.flatnonzero(open_)
        first, current, left = first.take(still), following.take(current.take(still)), left.take(still) - 1
    return True


def _are_units(normals: NDArray[np.float32]) -> bool:
    length = np.linalg.norm(normals, axis=1)
    return bool(np.isfinite(length).all() and (np.abs(length - 1.0) < 1e-3).all())
