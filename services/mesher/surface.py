"""Surfaces: the `Mesh` type, marching cubes on a field, and the differential geometry the other steps need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from services.mesher.table import EDGES, triangles

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

_SLAB_POINTS = 1_000_000
_CHUNK_FACES = 100_000
_TABLE, _COUNTS = triangles()
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


class Planes(Protocol):
    """Values on a grid (slice, row, column) of which some slices at a time are asked for, as float32."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many in each direction."""
        ...

    def __getitem__(self, planes: slice, /) -> Float32s:
        """Some slices."""
        ...


def extract(field: Planes) -> tuple[Float32s, Ints]:
    """The surface where `field` is zero, positive inside: a closed manifold if the outermost layer is negative.

    Returns vertices float32 (n, 3) in (column, row, slice) order of the
    field's grid and faces int32 (m, 3), wound outward in a right-handed (column, row, slice) frame. The field is
    worked through in slabs of planes, so memory stays small beside it.
    """
    planes = max(1, _SLAB_POINTS // (field.shape[1] * field.shape[2]))
    vertices, faces, total = [], [], 0
    for first in range(0, field.shape[0] - 1, planes):
        slab = field[first : first + planes + 1]
        inside = slab > 0
        ids, position, own = _vertices(slab, inside, total)
        position[:, 2] += np.float32(first)
        vertices.append(position)
        faces.append(_faces(inside, ids))
        total += own
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
    case = code[cells]
    number = _COUNTS[case].astype(np.int64)
    points = inside.shape[1] * inside.shape[2]
    place = np.repeat(cells + cells // points * (2 * points), number)
    first = np.repeat(np.cumsum(number) - number, number)
    edge = _TABLE[np.repeat(case, number), np.arange(len(place)) - first]
    faces: Ints = ids[place[:, None] + _edge_offsets(points, inside.shape[2])[edge]]
    return faces


def _vertices(slab: Float32s, inside: Bools, total: int) -> tuple[Ints, Float32s, int]:
    """One vertex per crossed grid edge, numbered from `total` by plane, axis and lower point.

    Returns ids by (plane, axis, point), flattened, the positions (n, 3) of the slab's own vertices and their number;
    those in the slab's last plane are the next slab's, under the same numbers.
    """
    planes, rows, columns = slab.shape
    crossed = np.zeros((planes, 3, rows, columns), dtype=bool)
    np.not_equal(inside[:, :, 1:], inside[:, :, :-1], out=crossed[:, 0, :, :-1])
    np.not_equal(inside[:, 1:], inside[:, :-1], out=crossed[:, 1, :-1])
    np.not_equal(inside[1:], inside[:-1], out=crossed[:-1, 2])
    at = np.flatnonzero(crossed)
    ids = np.zeros(crossed.size, dtype=np.int32)
    ids[at] = np.arange(total, total + len(at), dtype=np.int32)
    own = at[: np.searchsorted(at, (planes - 1) * 3 * rows * columns)]
    line, column = np.divmod(own, columns)
    layer, row = np.divmod(line, rows)
    plane, axis = np.divmod(layer, 3)
    low = (plane * rows + row) * columns + column
    flat = slab.reshape(-1)
    here, there = flat[low], flat[low + np.array([1, columns, rows * columns])[axis]]
    position = np.stack([column, row, plane], axis=1).astype(np.float32)
    position[np.arange(len(own)), axis] += np.clip(here / (here - there), _NEAREST, 1.0 - _NEAREST)
    return ids, position, len(own)


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


def group(key: Ints, count: int) -> tuple[Ints, Ints]:
    """The order that sorts `key` (values below `count`) stably, and where each value begins in it.

    Counting does it in linear time; turning a sparse matrix from columns to rows is such a count.
    """
    size = len(key)
    ones, begin = np.ones(size, dtype=np.int8), np.arange(size + 1, dtype=np.int32)
    rows = csc_array((ones, key, begin), shape=(count, size)).tocsr()
    return rows.indices, rows.indptr


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """A closed surface in numbers, in the vertices' unit: signed volume, area, the smallest triangle's area.

    `sums` (n, 3) holds, per vertex, the normals of the faces around it, each as long as twice its area; a sixth of it
    is the gradient of the volume by the vertex.
    """

    volume: float
    area: float
    smallest: float
    sums: Floats

    @property
    def normals(self) -> Floats:
        """Unit normals (n, 3), weighted by area; where they cancel out, +z."""
        length = np.sqrt(np.einsum("ij,ij->i", self.sums, self.sums))
        lost = length < 1e-12
        unit: Floats = self.sums / np.where(lost, 1.0, length)[:, None]
        unit[lost] = (0.0, 0.0, 1.0)
        return unit


def measure(vertices: Floats, faces: Ints) -> Measures:
    """Measure a closed surface; the volume is positive for outward winding."""
    sums = np.zeros((len(vertices), 3))
    if not len(faces):
        return Measures(0.0, 0.0, 0.0, sums)
    near = vertices - vertices[0]  # close to the origin, where rounding is least
    area, smallest = 0.0, np.inf
    for at in range(0, len(faces), _CHUNK_FACES):
        corners = [np.ascontiguousarray(faces[at : at + _CHUNK_FACES, corner]) for corner in range(3)]
        across = _across(near, corners)
        for axis in range(3):
            for corner in corners:
                sums[:, axis] += np.bincount(corner, across[axis], len(vertices))
        doubled = np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
        area, smallest = area + float(doubled.sum()) / 2.0, min(smallest, float(doubled.min()) / 2.0)
    # A face's normal is as long for all its corners, so the corners' sum stands for three times its distance.
    volume = float(np.einsum("ij,ij->", near, sums)) / 18.0
    return Measures(volume, area, smallest, sums)


def _across(vertices: Floats, corners: list[Ints]) -> list[Floats]:
    """Per axis, the faces' normals, as long as twice their area."""
    u, v = [], []
    for axis in range(3):
        column = np.ascontiguousarray(vertices[:, axis])
        a, b, c = (column.take(corner) for corner in corners)
        u.append(b - a)
        v.append(c - a)
    return [u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))]


def face_normals(vertices: Floats, faces: Ints) -> Floats:
    """Outward normals (m, 3) as long as twice the face's area."""
    return np.stack(_across(vertices, [faces[:, corner] for corner in range(3)]), axis=1)


def signed_volume(vertices: Floats, faces: Ints) -> float:
    """The enclosed volume in the cube of the vertices' unit, positive for outward winding."""
    return measure(vertices, faces).volume
