"""Surfaces: the `Mesh` type, marching cubes on a field, and the differential geometry the other steps need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from services.mesher.table import EDGES, triangles

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Real = TypeVar("Real", bound=np.floating)
Height = Callable[[NDArray[Any]], NDArray[Any]]

_SLAB_POINTS = 600_000
_CHUNK_FACES = 60_000
_CHUNK_VERTICES = 30_000
_TABLE, _COUNTS, _FIRST = triangles()
_NEAREST = 0.02
"""How close to a grid point a crossing may lie, as a fraction of the grid's step: closer ones make slivers."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A closed surface of one label.

    `vertices` is float64 (n, 3), patient LPS mm; `faces` int32 (m, 3), wound outward; `normals` float32 (n, 3), unit.
    """

    label: int
    vertices: Floats
    faces: Ints
    normals: Float32s


def _same(values: NDArray[Any]) -> NDArray[Any]:
    return values


def extract(grid: NDArray[Any], level: float = 0, height: Height = _same) -> tuple[Float32s, Ints]:
    """The surface where a grid's values (slice, row, column) rise above `level`, found by marching cubes.

    It is a closed manifold if the outermost layer lies below. Crossings are interpolated linearly in what `height`
    makes of values, 0 at `level`. Returns vertices float32 (n, 3) in (column, row, slice) order of the grid and faces
    int32 (m, 3), wound outward in a right-handed (column, row, slice) frame. The grid is worked through in slabs of
    planes, so memory stays small beside it.
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


def _cases(inside: Bools) -> NDArray[np.uint8]:
    """The case of each cell, flattened on the field's own grid (cells beyond the last point hold 0)."""
    bits = inside.view(np.uint8)
    row = bits.copy()
    row[:, :, :-1] |= bits[:, :, 1:] << 1
    plane = row.copy()
    plane[:, :-1] |= row[:, 1:] << 2
    code = plane.copy()
    code[:-1] |= plane[1:] << 4
    code[-1] = code[:, -1] = code[:, :, -1] = 0
    return code.reshape(-1)


def _faces(inside: Bools, ids: Ints) -> Ints:
    """The triangles of a slab, from the vertex ids of its edges."""
    code = _cases(inside)
    cells = np.flatnonzero(((code + 1) & 0xFE) > 0)
    case = code.take(cells)
    number = _COUNTS.take(case)
    points = inside.shape[1] * inside.shape[2]
    place = np.repeat(cells + cells // points * (2 * points), number)
    first = np.cumsum(number, dtype=np.int32) - number
    entry = np.repeat(_FIRST.take(case) - first, number) + np.arange(len(place), dtype=np.int32)
    corner = _edge_offsets(points, inside.shape[2]).take(_TABLE).take(entry, axis=0)
    corner += place[:, None]
    return ids.take(corner)


def _vertices(slab: NDArray[Any], inside: Bools, height: Height) -> tuple[Ints, Float32s]:
    """One vertex per crossed grid edge, numbered by plane, axis and lower point.

    Returns ids by (plane, axis, point), flattened, and the positions (n, 3) of the slab's own vertices; those in the
    slab's last plane are the next slab's, whose numbers go on where this one's end.
    """
    planes, rows, columns = slab.shape
    crossed = np.zeros((planes, 3, rows, columns), dtype=bool)
    np.not_equal(inside[:, :, 1:], inside[:, :, :-1], out=crossed[:, 0, :, :-1])
    np.not_equal(inside[:, 1:], inside[:, :-1], out=crossed[:, 1, :-1])
    np.not_equal(inside[1:], inside[:-1], out=crossed[:-1, 2])
    at = np.flatnonzero(crossed)
    ids = np.zeros(crossed.size, dtype=np.int32)
    ids[at] = np.arange(len(at), dtype=np.int32)
    own = at[: np.searchsorted(at, (planes - 1) * 3 * rows * columns)].astype(np.int32)
    line, column = np.divmod(own, np.int32(columns))
    layer, row = np.divmod(line, np.int32(rows))
    plane, axis = np.divmod(layer, np.int32(3))
    low = (plane * rows + row) * columns + column
    here = height(slab.reshape(-1).take(low))
    there = height(slab.reshape(-1).take(low + np.array([1, columns, rows * columns], dtype=np.int32).take(axis)))
    position = np.stack([column, row, plane], axis=1, dtype=np.float32, casting="unsafe")
    across = np.arange(0, position.size, 3, dtype=np.int32) + axis
    position.reshape(-1)[across] += np.clip(here / (here - there), _NEAREST, 1.0 - _NEAREST)
    return ids, position


def _edge_offsets(points: int, columns: int) -> NDArray[np.int64]:
    """Where, relative to a cell's lowest point, the id of each of its 12 edges stands."""
    steps = (1, columns, 3 * points)
    offsets = []
    for low, high in EDGES:
        axis = (low ^ high).bit_length() - 1
        offsets.append(axis * points + sum(step for bit, step in enumerate(steps) if low >> bit & 1))
    return np.array(offsets, dtype=np.int64)


def edge_ends(faces: Ints) -> tuple[Ints, Ints]:
    """Start and end (3 m,) of the edge from each corner to the next one of its triangle."""
    end = np.empty_like(faces)
    end[:, 0], end[:, 1], end[:, 2] = faces[:, 1], faces[:, 2], faces[:, 0]
    return faces.reshape(-1), end.reshape(-1)


class Corners(NamedTuple):
    """The corners (3 m,) of faces by vertex: `order` sorts them stably, `begin` (n + 1,) says where each one begins."""

    order: Ints
    begin: Ints

    @classmethod
    def of(cls, faces: Ints, vertices: int) -> Corners:
        """Counting does it in linear time; turning a sparse matrix from columns to rows is such a count."""
        size = faces.size
        ones, begin = np.ones(size, dtype=np.int8), np.arange(size + 1, dtype=np.int32)
        rows = csc_array((ones, faces.reshape(-1), begin), shape=(vertices, size)).tocsr()
        return cls(rows.indices, rows.indptr)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """A closed surface in numbers, in the vertices' unit: signed volume, area, the smallest triangle's area.

    `sums` (n, 3) holds, per vertex, the normals of the faces around it, each as long as twice its area; a sixth of it
    is the gradient of the volume by the vertex. `corners` are those of the faces measured.
    """

    volume: float
    area: float
    smallest: float
    sums: NDArray[np.floating]
    corners: Corners

    @property
    def normals(self) -> NDArray[np.floating]:
        """Unit normals (n, 3), weighted by area; where they cancel out, +z."""
        length = np.sqrt(np.einsum("ij,ij->i", self.sums, self.sums))
        lost = length < 1e-12
        unit: NDArray[np.floating] = self.sums / np.where(lost, 1.0, length)[:, None]
        unit[lost] = (0.0, 0.0, 1.0)
        return unit


def measure(vertices: NDArray[Real], faces: Ints) -> Measures:
    """Measure a closed surface in the precision of its vertices; the volume is positive for outward winding."""
    return measure_by(vertices, face_normals(vertices, faces), Corners.of(faces, len(vertices)))


def measure_by(vertices: NDArray[Real], across: NDArray[Real], corners: Corners) -> Measures:
    """As `measure`, by the faces' normals as `face_normals` gives them and by their corners."""
    if not len(across):
        return Measures(0.0, 0.0, 0.0, np.zeros((len(vertices), 3)), corners)
    sums = _sums(across, corners)
    doubled = np.sqrt(np.einsum("ij,ij->i", across, across))
    # A face's normal is as long for all its corners, so the corners' sum stands for three times its distance.
    near = vertices - vertices[0]  # close to the origin, where rounding is least
    volume = float(np.einsum("ij,ij->", near, sums, dtype=np.float64)) / 18.0
    return Measures(volume, float(doubled.sum(dtype=np.float64)) / 2.0, float(doubled.min()) / 2.0, sums, corners)


def _sums(across: NDArray[Real], corners: Corners) -> NDArray[Real]:
    """Per vertex the sum of what the faces around it have: a sparse product, for some vertices at a time."""
    sums = np.empty((len(corners.begin) - 1, 3), dtype=across.dtype)
    for at in range(0, len(sums), _CHUNK_VERTICES):
        begin = corners.begin[at : at + _CHUNK_VERTICES + 1]
        faces = corners.order[begin[0] : begin[-1]] // 3
        ones, shape = np.ones(len(faces), dtype=across.dtype), (len(begin) - 1, len(across))
        sums[at : at + _CHUNK_VERTICES] = csr_array((ones, faces, begin - begin[0]), shape=shape) @ across
    return sums


def face_normals(vertices: NDArray[Real], faces: Ints) -> NDArray[Real]:
    """Outward normals (m, 3) as long as twice the face's area."""
    normals = np.empty((len(faces), 3), dtype=vertices.dtype)
    columns = [np.ascontiguousarray(vertices[:, axis]) for axis in range(3)]
    for at in range(0, len(faces), _CHUNK_FACES):
        part = faces[at : at + _CHUNK_FACES]
        a, b, c = (np.ascontiguousarray(part[:, corner]) for corner in range(3))
        first = [column.take(a) for column in columns]
        u = [column.take(b) - start for column, start in zip(columns, first, strict=True)]
        v = [column.take(c) - start for column, start in zip(columns, first, strict=True)]
        for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
            np.subtract(u[i] * v[j], u[j] * v[i], out=normals[at : at + _CHUNK_FACES, axis])
    return normals


def signed_volume(vertices: Floats, faces: Ints) -> float:
    """The enclosed volume in the cube of the vertices' unit, positive for outward winding."""
    return measure(vertices, faces).volume
