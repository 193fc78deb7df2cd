"""The surface type of the mesher, and what is measured of a surface: normals, area and volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from shared.arrays import Float32, Float64, Int32

Real = TypeVar("Real", bound=np.floating)

_CHUNK_FACES = 60_000
_CHUNK_VERTICES = 30_000
"""Work is split into parts whose intermediate arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A closed surface of one label.

    `vertices` is (n, 3), patient LPS mm; `faces` (m, 3), wound outward; `normals` (n, 3), unit vectors.
    """

    label: int
    vertices: Float64
    faces: Int32
    normals: Float32


def edge_ends(faces: Int32) -> tuple[Int32, Int32]:
    """Start and end vertex (3 m,) of the edge from each corner to the next corner of its face.

    Corner c is vertex c % 3 of face c // 3.
    """
    end = np.empty_like(faces)
    end[:, 0], end[:, 1], end[:, 2] = faces[:, 1], faces[:, 2], faces[:, 0]
    return faces.reshape(-1), end.reshape(-1)


class VertexCorners(NamedTuple):
    """The corners of faces, grouped by vertex as in a CSR matrix.

    `order` (3 m,) has the corners in the order of their vertices, and vertex v has order[begin[v]:begin[v + 1]].
    """

    order: Int32
    begin: Int32

    @classmethod
    def of(cls, faces: Int32, vertices: int) -> VertexCorners:
        """Group the corners of `faces` in linear time: SciPy's CSC to CSR conversion is a counting sort."""
        size = faces.size
        ones, begin = np.ones(size, dtype=np.int8), np.arange(size + 1, dtype=np.int32)
        rows = csc_array((ones, faces.reshape(-1), begin), shape=(vertices, size)).tocsr()
        return cls(rows.indices, rows.indptr)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Signed volume, area and smallest face area of a closed surface, in the unit of its vertices.

    `normal_sums` (n, 3) has, per vertex, the sum of the normals of its faces, each as long as twice the face's area.
    One sixth of it is the gradient of the volume with respect to the vertex. `corners` are those of the faces.
    """

    volume: float
    area: float
    smallest: float
    normal_sums: NDArray[np.floating]
    corners: VertexCorners

    @property
    def normals(self) -> NDArray[np.floating]:
        """Unit normals (n, 3), weighted by face area; +z where the normals of the faces cancel out."""
        length = np.sqrt(np.einsum("ij,ij->i", self.normal_sums, self.normal_sums))
        is_zero = length < 1e-12
        unit: NDArray[np.floating] = self.normal_sums / np.where(is_zero, 1.0, length)[:, None]
        unit[is_zero] = (0.0, 0.0, 1.0)
        return unit


def measure(vertices: NDArray[Real], faces: Int32) -> Measures:
    """Measure a closed surface in the precision of its vertices; the volume is positive for outward winding."""
    return measure_with(vertices, face_normals(vertices, faces), VertexCorners.of(faces, len(vertices)))


def measure_with(vertices: NDArray[Real], normals: NDArray[Real], corners: VertexCorners) -> Measures:
    """As `measure`, from the normals that `face_normals` returns and the corners of the faces."""
    if not len(normals):
        return Measures(0.0, 0.0, 0.0, np.zeros((len(vertices), 3)), corners)
    sums = _normal_sums(normals, corners)
    doubled = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    # The volume is a sixth of the sum, over faces, of a corner's position times the normal. The mean of the three
    # corners replaces the one corner, so the sum over faces becomes a third of a sum over vertices. Positions are
    # relative to the first vertex, because rounding errors are small near the origin.
    near = vertices - vertices[0]
    volume = float(np.einsum("ij,ij->", near, sums, dtype=np.float64)) / 18.0
    return Measures(volume, float(doubled.sum(dtype=np.float64)) / 2.0, float(doubled.min()) / 2.0, sums, corners)


def _normal_sums(normals: NDArray[Real], corners: VertexCorners) -> NDArray[Real]:
    """Per vertex, the sum of the normals of its faces: a sparse product, in chunks of vertices."""
    sums = np.empty((len(corners.begin) - 1, 3), dtype=normals.dtype)
    for at in range(0, len(sums), _CHUNK_VERTICES):
        begin = corners.begin[at : at + _CHUNK_VERTICES + 1]
        faces = corners.order[begin[0] : begin[-1]] // 3
        ones, shape = np.ones(len(faces), dtype=normals.dtype), (len(begin) - 1, len(normals))
        sums[at : at + _CHUNK_VERTICES] = csr_array((ones, faces, begin - begin[0]), shape=shape) @ normals
    return sums


def face_normals(vertices: NDArray[Real], faces: Int32) -> NDArray[Real]:
    """Outward normals (m, 3), each as long as twice the area of its face."""
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


def signed_volume(vertices: Float64, faces: Int32) -> float:
    """The enclosed volume in the cube of the vertices' unit, positive for outward winding."""
    return measure(vertices, faces).volume
