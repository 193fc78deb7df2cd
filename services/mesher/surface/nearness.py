"""How far a surface is from the exposed faces of its voxels, those between the organ and other voxels.

Where distances are computed, they are those to the centres of faces, which are at least the distances to the faces: the
checks are stricter than their limit, by half a voxel diagonal at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.spatial import cKDTree

from services.mesher.surface.mesh import Mesh
from services.mesher.surface.organ import OrganVoxels
from shared.arrays import Bool, Float32, Float64, Int32, Int64, UInt8

REACH = 1.5
"""The largest distance, in voxel diagonals."""
_CHUNK = 2_000_000
_DISTANCES = ((0.25,), (0.1, 0.5, 1.0))
"""Distances along the normal at which voxels are looked up, as fractions of the limit: first for all vertices."""


_MOST_VOXELS = 12
"""Voxels per axis within which an exposed face is searched: 1.5 diagonals for an anisotropy of up to 7."""


class _Mask:
    """The voxels of an organ, by index: the label map itself, or a copy where components of the label were dropped."""

    def __init__(self, organ: OrganVoxels) -> None:
        data, self.label, low = organ.layout.data, organ.label, np.zeros(3, dtype=np.int32)
        if organ.dropped:
            low, high = organ.runs.bounds()
            data, self.label = organ.runs.paint(low, high).view(np.uint8), 1
        self.flat: UInt8 = data.reshape(-1)
        self.low, self.size = low, np.array(data.shape[::-1], dtype=np.int32)

    def contains(self, columns: Sequence[Int32]) -> Bool:
        """Whether voxels, given as three arrays of indices (fast, middle, slow), belong to the organ."""
        within: Bool | None = None
        places = []
        for column, low, size in zip(columns, self.low, self.size, strict=True):
            place = column - low if low else column
            if place.min(initial=0) < 0 or place.max(initial=0) >= size:
                inside = (place >= 0) & (place < size)
                within = inside if within is None else within & inside
                place = np.clip(place, 0, size - 1)
            places.append(place)
        fast, middle, slow = places
        rows = slow.astype(np.int64) * int(self.size[1]) + middle
        belongs: Bool = self.flat.take(rows * int(self.size[0]) + fast) == self.label
        return belongs if within is None else belongs & within


def vertices_near_faces(organ: OrganVoxels, mesh: Mesh, index: Float32, reach: float) -> bool:
    """Whether every vertex, at voxel indices (3, n), is within `reach` voxel diagonals of an exposed face.

    Voxels are looked up on the line through a vertex along its normal, at growing distances. If both the organ and its
    surroundings are on the line, there is an exposed face between, so not further away than the voxels. That decides
    most vertices at the smallest distance. The same is true of the voxel of a vertex and its six neighbours, which
    decides most of the others (in thin parts). For the rest, the distance to the faces is computed.
    """
    mask, spacing = _Mask(organ), organ.layout.spacing
    limit = reach * float(np.linalg.norm(spacing))
    normal = (limit * np.linalg.inv(organ.layout.matrix)).astype(np.float32) @ mesh.normals.T
    remaining = np.arange(index.shape[1])
    for distances in _DISTANCES:
        place, along = index[:, remaining], normal[:, remaining]
        lines = (place + np.float32(sign * distance) * along for distance in distances for sign in (-1.0, 1.0))
        remaining = remaining[~_sees_both(mask, lines, len(remaining))]
    place = np.rint(index[:, remaining])
    steps = (sign * np.eye(3, dtype=np.float32)[:, axis, None] for axis in range(3) for sign in (0.0, -1.0, 1.0))
    remaining = remaining[~_sees_both(mask, (place + step for step in steps), len(remaining))]
    reaches = np.minimum(np.ceil(limit / spacing).astype(int) + 1, _MOST_VOXELS)
    chunk = max(1, _CHUNK // int(np.prod(2 * reaches + 2)))
    return all(
        bool((_face_distance(mask, index.T[remaining[at : at + chunk]], reaches, spacing) <= limit).all())
        for at in range(0, len(remaining), chunk)
    )


def _sees_both(mask: _Mask, places: Iterable[Float32], count: int) -> Bool:
    """Whether voxels inside and outside the organ are among the voxels at `places`, each (3, count)."""
    has_inside, has_outside = np.zeros((2, count), dtype=bool)
    for place in places:
        inside = mask.contains(list(np.rint(place).astype(np.int32)))
        has_inside |= inside
        has_outside |= ~inside
    both: Bool = has_inside & has_outside
    return both


def _face_distance(mask: _Mask, index: Float32, reaches: Int64, spacing: Float64) -> Float64:
    """Distance in mm (n,) from voxel indices (n, 3) to the nearest centre of an exposed face in `reaches` voxels."""
    base = np.floor(index).astype(np.int64)
    offsets = [np.arange(-number, number + 2) for number in reaches]
    block = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1)
    voxels = (base[:, None, None, None] + block).astype(np.int32)
    inside = mask.contains([voxels[..., axis] for axis in range(3)])
    relative = (block - (index - base)[:, None, None, None]) * spacing
    nearest = np.full(len(index), np.inf)
    for axis in range(3):
        # The face between voxel i and voxel i + 1 is exposed where only one of them is inside.
        low = np.take(relative, range(relative.shape[axis + 1] - 1), axis=axis + 1)
        centre = low + 0.5 * spacing * (np.arange(3) == axis)
        exposed = np.diff(inside.view(np.int8), axis=axis + 1) != 0
        squared = np.where(exposed, (centre**2).sum(axis=-1), np.inf)
        np.minimum(nearest, squared.reshape(len(index), -1).min(axis=1), out=nearest)
    distance: Float64 = np.sqrt(nearest)
    return distance


def all_near(organ: OrganVoxels, mesh: Mesh, reach: float) -> bool:
    """Whether every vertex is within `reach` voxel diagonals of the centre of an exposed face, and the other way round.

    This is for small organs: the time grows with the product of faces and vertices.
    """
    centres = organ.layout.to_patient(_exposed_faces(organ))
    limit = reach * float(np.linalg.norm(organ.layout.spacing))
    nearest, _ = cKDTree(centres).query(mesh.vertices)
    if np.max(nearest) > limit:
        return False
    distance, _ = cKDTree(mesh.vertices).query(centres)
    far = centres[distance > limit]
    corners = mesh.vertices[mesh.faces]
    chunk = max(1, _CHUNK // (8 * len(corners)))
    return all(_near_triangles(far[at : at + chunk], corners, limit) for at in range(0, len(far), chunk))


def _exposed_faces(organ: OrganVoxels) -> Float64:
    """The centres (n, 3) of the exposed faces as voxel indices, (fast, middle, slow)."""
    runs = organ.runs
    row = np.repeat(runs.row, runs.lengths)
    first = np.cumsum(runs.lengths) - runs.lengths
    fast = np.arange(len(row)) - np.repeat(first, runs.lengths) + np.repeat(runs.start, runs.lengths)
    voxels = np.stack([fast, row % runs.middles, row // runs.middles], axis=1).astype(np.int32)
    mask = _Mask(organ)
    centres = []
    for axis in range(3):
        for side in (-1, 1):
            step = side * (np.arange(3) == axis)
            centres.append(voxels[~mask.contains((voxels + step).T)] + 0.5 * step)
    return np.concatenate(centres)


def _near_triangles(points: Float64, corners: Float64, limit: float) -> bool:
    """Whether every point (n, 3) is within `limit` of a triangle (m, 3, 3)."""
    p = points[:, None]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    size = np.maximum(np.einsum("mi,mi->m", normal, normal), 1e-30)
    edges = [_segment_distance(p, *ends) for ends in ((a, b), (b, c), (c, a))]
    above = np.ones(edges[0].shape, dtype=bool)
    for start, end in ((a, b), (b, c), (c, a)):
        above &= np.einsum("nmi,mi->nm", p - start, np.cross(normal, end - start)) >= 0.0
    plane = np.abs(np.einsum("nmi,mi->nm", p - a, normal)) / np.sqrt(size)
    distance = np.where(above, plane, np.minimum(np.minimum(edges[0], edges[1]), edges[2]))
    return bool((distance.min(axis=1) <= limit).all())


def _segment_distance(points: Float64, start: Float64, end: Float64) -> Float64:
    """Distances (n, m) from points (n, 1, 3) to segments (m, 3)."""
    along = end - start
    length = np.maximum(np.einsum("mi,mi->m", along, along), 1e-30)
    t = np.clip(np.einsum("nmi,mi->nm", points - start, along) / length, 0.0, 1.0)
    distance: Float64 = np.linalg.norm(points - start - t[:, :, None] * along, axis=2)
    return distance
