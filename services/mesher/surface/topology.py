"""Which edges and corners of a surface belong together: closedness and manifoldness."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from services.mesher.surface.mesh import VertexCorners, edge_ends
from shared.arrays import Int32


def topology(faces: Int32, vertices: int, corners: VertexCorners | None = None) -> tuple[bool, bool]:
    """Whether a surface is closed with consistent winding, and whether it is a manifold.

    Closed: each directed edge occurs once, and so does its reverse. Manifold: it is closed and the triangles around
    each vertex form one fan.
    """
    if not len(faces):
        return False, False
    corners = corners or VertexCorners.of(faces, vertices)
    twin = twins(faces, corners)
    if twin is None:
        return False, False
    return True, _has_single_fans(_next_corner(twin), corners)


def twins(faces: Int32, corners: VertexCorners) -> Int32 | None:
    """For the edge that starts at each corner (3 m,), the corner at which its reverse starts.

    None where an edge occurs twice or has no reverse.
    """
    start, end = edge_ends(faces)
    order, begin = corners
    vertices = len(begin) - 1
    # A sparse matrix has the corner c at (start, end) of its edge. Transposing it to CSR sorts each row in linear time:
    # `by_end` has rows of ends sorted by start, `by_start` has rows of starts sorted by end. If every edge has its
    # reverse, the two have the same pattern, and equal places hold twins.
    by_start = csr_array((order, end.take(order), begin), shape=(vertices, vertices))
    by_end = by_start.T.tocsr()
    by_start = by_end.T.tocsr()
    ends = by_start.indices
    repeated = (ends[1:] == ends[:-1]) & (np.diff(start.take(by_start.data)) == 0)
    if repeated.any() or (by_start.indptr != by_end.indptr).any() or (ends != by_end.indices).any():
        return None
    twin = np.empty_like(order)
    twin[by_start.data] = by_end.data
    return twin


def _next_corner(twin: Int32) -> Int32:
    """The corner that follows each corner in the fan around its vertex.

    Corner c starts the directed edge c. Its twin ends at the same vertex, and the edge after the twin starts there.
    """
    after = np.arange(1, len(twin) + 1, dtype=np.int32)
    after[2::3] -= 3
    following: Int32 = after.take(twin)
    return following


def _has_single_fans(following: Int32, corners: VertexCorners) -> bool:
    """Whether the walk around each vertex visits all its corners before it returns to the first one.

    All vertices are walked at once, one corner per pass. A vertex leaves the walk when it has visited as many corners
    as it has; if it is back at its first corner earlier, or not back then, its corners form more than one fan.
    """
    degree = np.diff(corners.begin)
    used = np.flatnonzero(degree)
    first = corners.order.take(corners.begin.take(used))
    current, remaining = following.take(first), degree.take(used) - 1
    for _ in range(int(degree.max())):
        if ((current == first) != (remaining == 0)).any():
            return False
        active = remaining > 0
        if not active.any():
            break
        still = np.flatnonzero(active)
        first, current, remaining = first.take(still), following.take(current.take(still)), remaining.take(still) - 1
    return True
