"""Marching cubes: a closed manifold surface from values on a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.surface.marching_cubes_table import EDGES, triangles
from shared.arrays import Bool, Float32, Int32, Int64, UInt8

Height = Callable[[NDArray[Any]], NDArray[Any]]

_SLAB_POINTS = 600_000
"""Grid points of one slab, which bounds the memory beside the grid."""
_TABLE, _COUNTS, _FIRST = triangles()
_NEAREST = 0.02
"""Smallest distance of a vertex to a grid point, as a fraction of the grid's step: closer vertices make slivers."""


def _identity(values: NDArray[Any]) -> NDArray[Any]:
    return values


def extract(grid: NDArray[Any], level: float = 0, height: Height = _identity) -> tuple[Float32, Int32]:
    """Extract the surface where the values of `grid` (slice, row, column) rise above `level`.

    The surface is a closed manifold if the outermost layer of the grid is not above `level`. `height` maps values to
    heights, which are 0 at `level`; vertices are interpolated linearly in heights. Returns vertices (n, 3) as
    (column, row, slice) positions on the grid and faces (m, 3), wound outward where (column, row, slice) is
    right-handed. The grid is processed in slabs of planes, so that little memory is needed beside it.
    """
    planes = max(1, _SLAB_POINTS // (grid.shape[1] * grid.shape[2]))
    vertices, faces, total = [], [], 0
    for first in range(0, grid.shape[0] - 1, planes):
        slab = grid[first : first + planes + 1]
        inside = slab > level
        ids, position = _vertices(slab, inside, height)
        position[:, 2] += np.float32(first)
        vertices.append(position)
        faces.append(_faces(inside, ids) + np.int32(total))
        total += len(position)
    return np.concatenate(vertices), np.concatenate(faces)


def _cases(inside: Bool) -> UInt8:
    """The case of each cell, flattened on the grid of points (0 where a cell would pass the last point).

    Bit c of a case is set where corner c is inside; corners are numbered 1 = +column, 2 = +row, 4 = +slice. Two bits
    are joined along columns, then two pairs along rows, then two quadruples along slices.
    """
    bits = inside.view(np.uint8)
    row = bits.copy()
    row[:, :, :-1] |= bits[:, :, 1:] << 1
    plane = row.copy()
    plane[:, :-1] |= row[:, 1:] << 2
    code = plane.copy()
    code[:-1] |= plane[1:] << 4
    code[-1] = code[:, -1] = code[:, :, -1] = 0
    return code.reshape(-1)


def _faces(inside: Bool, ids: Int32) -> Int32:
    """The triangles of a slab, from the vertex ids of its grid edges."""
    code = _cases(inside)
    # Cases 0 (all outside) and 255 (all inside) have no surface; adding 1 in 8 bits turns them into 1 and 0.
    cells = np.flatnonzero(((code + 1) & 0xFE) > 0)
    case = code.take(cells)
    number = _COUNTS.take(case)
    points = inside.shape[1] * inside.shape[2]
    # `ids` has three planes of edges (one per axis) for each plane of points: point p of plane k is at 3 k points + p.
    place = np.repeat(cells + cells // points * (2 * points), number)
    first = np.cumsum(number, dtype=np.int32) - number
    entry = np.repeat(_FIRST.take(case) - first, number) + np.arange(len(place), dtype=np.int32)
    corner = _edge_offsets(points, inside.shape[2]).take(_TABLE).take(entry, axis=0)
    corner += place[:, None]
    return ids.take(corner)


def _vertices(slab: NDArray[Any], inside: Bool, height: Height) -> tuple[Int32, Float32]:
    """One vertex per crossed grid edge, numbered by plane, axis and lower point.

    Returns ids by (plane, axis, point), flattened, and the positions (n, 3) of the slab's own vertices. Vertices in the
    last plane belong to the next slab; their ids continue after those of this slab, as the next slab numbers them.
    """
    planes, rows, columns = slab.shape
    crossed = np.zeros((planes, 3, rows, columns), dtype=bool)
    np.not_equal(inside[:, :, 1:], inside[:, :, :-1], out=crossed[:, 0, :, :-1])
    np.not_equal(inside[:, 1:], inside[:, :-1], out=crossed[:, 1, :-1])
    np.not_equal(inside[1:], inside[:-1], out=crossed[:-1, 2])
    at = np.flatnonzero(crossed)
    ids = np.zeros(crossed.size, dtype=np.int32)
    ids[at] = np.arange(len(at), dtype=np.int32)
    # A flat index is ((plane * 3 + axis) * rows + row) * columns + column. It is taken apart in int32, which is twice
    # as fast as int64; _SLAB_POINTS keeps it far below the limit.
    own = at[: np.searchsorted(at, (planes - 1) * 3 * rows * columns)].astype(np.int32)
    line, column = np.divmod(own, np.int32(columns))
    layer, row = np.divmod(line, np.int32(rows))
    plane, axis = np.divmod(layer, np.int32(3))
    low = (plane * rows + row) * columns + column
    here = height(slab.reshape(-1).take(low))
    there = height(slab.reshape(-1).take(low + np.array([1, columns, rows * columns], dtype=np.int32).take(axis)))
    position = np.stack([column, row, plane], axis=1, dtype=np.float32, casting="unsafe")
    along = np.arange(0, position.size, 3, dtype=np.int32) + axis
    position.reshape(-1)[along] += np.clip(here / (here - there), _NEAREST, 1.0 - _NEAREST)
    return ids, position


def _edge_offsets(points: int, columns: int) -> Int64:
    """Offset in `ids` of each of the 12 edges of a cell from the cell's lowest point."""
    steps = (1, columns, 3 * points)
    offsets = []
    for low, high in EDGES:
        axis = (low ^ high).bit_length() - 1
        offsets.append(axis * points + sum(step for bit, step in enumerate(steps) if low >> bit & 1))
    return np.array(offsets, dtype=np.int64)
