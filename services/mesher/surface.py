"""Surfaces: the `Mesh` type, marching cubes on a field, and the differential geometry the other steps need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.mesher.table import EDGES, triangles

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

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


def extract(field: Float32s) -> tuple[Float32s, Ints]:
    """The surface where `field` is zero, positive inside: a closed manifold if the outermost layer is negative.

    `field` is float32 (slice, row, column). Returns vertices float32 (n, 3) in (column, row, slice) order of the
    field's grid and faces int32 (m, 3), wound outward in a right-handed (column, row, slice) frame.
    """
    inside = field > 0
    code = _cases(inside)
    cells = np.flatnonzero((code != 0) & (code != 255))
    ids, vertices = _vertices(field, inside)
    table, counts = triangles()
    case = code[cells]
    number = counts[case]
    cell = np.repeat(cells, number)
    first = np.repeat(np.cumsum(number, dtype=np.int64) - number, number)
    edge = table[np.repeat(case, number), np.arange(len(cell)) - first]
    faces = ids[cell[:, None] + _edge_offsets(field.shape)[edge]]
    return vertices, faces


def count_triangles(field: Float32s) -> int:
    """How many triangles `extract` would make."""
    return int(triangles()[1][_cases(field > 0)].sum(dtype=np.int64))


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


def _vertices(field: Float32s, inside: Bools) -> tuple[Ints, Float32s]:
    """One vertex per crossed grid edge: ids (3 * points,) by axis and lower point, positions (n, 3)."""
    points = field.size
    ids = np.zeros(3 * points, dtype=np.int32)
    flat = field.reshape(-1)
    parts = []
    total = 0
    for axis, step in enumerate((1, field.shape[2], field.shape[1] * field.shape[2])):
        crossed = np.zeros(field.shape, dtype=bool)
        low = tuple(slice(None, -1) if 2 - axis == a else slice(None) for a in range(3))
        high = tuple(slice(1, None) if 2 - axis == a else slice(None) for a in range(3))
        np.not_equal(inside[low], inside[high], out=crossed[low])
        at = np.flatnonzero(crossed)
        ids[axis * points + at] = np.arange(total, total + len(at), dtype=np.int32)
        position = np.stack(np.unravel_index(at, field.shape)[::-1], axis=1).astype(np.float32)
        here, there = flat[at], flat[at + step]
        position[:, axis] += np.clip(here / (here - there), _NEAREST, 1.0 - _NEAREST)
        parts.append(position)
        total += len(at)
    return ids, np.concatenate(parts)


def _edge_offsets(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Where, relative to a cell's lowest point, the id of each of its 12 edges stands."""
    points = int(np.prod(shape))
    steps = (1, shape[2], shape[1] * shape[2])
    offsets = []
    for low, high in EDGES:
        axis = (low ^ high).bit_length() - 1
        corner = sum(step for bit, step in enumerate(steps) if low >> bit & 1)
        offsets.append(axis * points + corner)
    return np.array(offsets, dtype=np.int64)


def face_normals(vertices: Floats, faces: Ints) -> Floats:
    """Outward normals (m, 3) as long as twice the face's area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals: Floats = np.cross(b - a, c - a)
    return normals


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Unit normals (n, 3): the sum of the face normals around each vertex, weighted by area; zero sums become +z."""
    across = face_normals(vertices, faces)
    total = np.zeros((len(vertices), 3))
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(faces[:, corner], across[:, axis], len(vertices))
    length = np.linalg.norm(total, axis=1)
    total[length < 1e-12] = (0.0, 0.0, 1.0)
    unit: Floats = total / np.maximum(np.linalg.norm(total, axis=1), 1e-12)[:, None]
    return unit


def signed_volume(vertices: Floats, faces: Ints) -> float:
    """The enclosed volume in the cube of the vertices' unit, positive for outward winding."""
    if not len(faces):
        return 0.0
    centred = vertices - vertices.mean(axis=0)
    a, b, c = (centred[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def area(vertices: Floats, faces: Ints) -> float:
    """The surface's area in the square of the vertices' unit."""
    return float(np.linalg.norm(face_normals(vertices, faces), axis=1).sum() / 2.0)
