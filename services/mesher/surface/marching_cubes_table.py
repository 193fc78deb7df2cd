"""The case table of marching cubes, derived by rule (Lorensen and Cline, SIGGRAPH 1987).

Corners of a cell are numbered by bits: 1 = +x, 2 = +y, 4 = +z. On a face with two crossing segments, the inside corners
are always cut off one by one, so that two cells agree on their common face and the surface is closed (the original
table has holes there: Dürst, 1988). Triangulations keep their diagonals off the faces of the cell, so that an edge has
exactly two triangles: the surface is a manifold by construction.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from shared.arrays import Int32

EDGES: tuple[tuple[int, int], ...] = tuple(
    (corner, corner | bit) for bit in (1, 2, 4) for corner in range(8) if not corner & bit
)
"""The 12 edges as (lower corner, upper corner), four along x, then y, then z."""

_EDGE_ID = {edge: number for number, edge in enumerate(EDGES)}
Polygon = tuple[int, ...]
Triangle = tuple[int, int, int]


@cache
def _faces() -> list[tuple[int, int, int, int]]:
    """The six faces as corner cycles, counter-clockwise seen from outside the cell."""
    faces = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        low = (0, v, u | v, u)
        faces.append(low)
        faces.append(tuple(corner | (1 << axis) for corner in reversed(low)))  # type: ignore[arg-type]
    return faces


def _segments(case: int) -> dict[int, int]:
    """Directed segments (edge to edge) of the surface on the faces of the cell.

    Going around a face, each unbroken stretch of inside corners is cut off by one segment, from the edge where the
    stretch begins to the edge where it ends.
    """
    following: dict[int, int] = {}
    for face in _faces():
        inside = [bool(case >> corner & 1) for corner in face]
        for start in range(4):
            if not inside[start] or inside[start - 1]:
                continue
            end = start
            while inside[(end + 1) % 4] and end - start < 4:
                end += 1
            entering = tuple(sorted((face[start - 1], face[start])))
            leaving = tuple(sorted((face[end % 4], face[(end + 1) % 4])))
            following[_EDGE_ID[entering]] = _EDGE_ID[leaving]  # type: ignore[index]
    return following


def _polygons(case: int) -> list[Polygon]:
    following = _segments(case)
    polygons = []
    while following:
        first, edge = following.popitem()
        polygon = [first]
        while edge != first:
            polygon.append(edge)
            edge = following.pop(edge)
        polygons.append(tuple(polygon))
    return polygons


@cache
def _share_face(a: int, b: int) -> bool:
    return any(set(EDGES[a]) | set(EDGES[b]) <= set(face) for face in _faces())


def _triangulate(polygon: Polygon) -> list[Triangle] | None:
    """Triangles of a polygon with all diagonals inside the cell, not on its faces; None if there is no such set."""
    if len(polygon) == 3:
        return [(polygon[0], polygon[1], polygon[2])]
    first, last = polygon[0], polygon[-1]
    for k in range(1, len(polygon) - 1):
        if (k > 1 and _share_face(first, polygon[k])) or (k < len(polygon) - 2 and _share_face(polygon[k], last)):
            continue
        left = _triangulate(polygon[: k + 1]) if k > 1 else []
        right = _triangulate(polygon[k:]) if k < len(polygon) - 2 else []
        if left is not None and right is not None:
            return [*left, (first, polygon[k], last), *right]
    return None


@cache
def triangles() -> tuple[Int32, Int32, Int32]:
    """The table: triangles of all cases, the number of triangles of each case, and its first triangle.

    A triangle is three edge numbers, wound outward. Bit c of a case is set where corner c is inside.
    """
    cases = []
    for case in range(256):
        parts = [_triangulate(polygon) for polygon in _polygons(case)]
        if any(part is None for part in parts):
            raise AssertionError(f"case {case} has no triangulation inside its cell")
        cases.append([triangle for part in parts if part for triangle in part])
    counts = np.array([len(entries) for entries in cases], dtype=np.int32)
    rows = np.array([triangle for entries in cases for triangle in entries], dtype=np.int32)
    return rows, counts, (np.cumsum(counts) - counts).astype(np.int32)
