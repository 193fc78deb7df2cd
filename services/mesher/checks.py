"""The guarantees, checked on the finished mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.mesher.results import Checks
from services.mesher.surface import Floats, Ints, Mesh, face_normals, signed_volume

VOLUME_TOLERANCE = 0.005
"""How far a mesh's volume may be from that of its voxels."""


def check(mesh: Mesh, volume: float) -> Checks:
    """Hold `mesh` to the guarantees; `volume` is that of its voxels in mm3."""
    closed, simple = topology(mesh.faces, len(mesh.vertices))
    across = np.linalg.norm(face_normals(mesh.vertices, mesh.faces), axis=1)
    enclosed = signed_volume(mesh.vertices, mesh.faces)
    return Checks(
        watertight=closed,
        manifold=simple,
        outward=closed and enclosed > 0.0,
        no_degenerate_faces=len(mesh.faces) > 0 and bool(across.min() > 0.0),
        volume_kept=abs(enclosed - volume) <= VOLUME_TOLERANCE * volume,
        finite_normals=bool(np.isfinite(mesh.vertices).all()) and _unit(mesh.normals),
    )


def topology(faces: Ints, vertices: int) -> tuple[bool, bool]:
    """Whether a surface is closed with one winding, and whether it is a manifold around every edge and vertex.

    Closed: each directed edge occurs once and so does its opposite. Manifold: besides, the triangles around a vertex
    form one fan.
    """
    if not len(faces):
        return False, False
    start = faces.reshape(-1).astype(np.int64)
    end = np.roll(faces, -1, axis=1).reshape(-1)
    key, opposite = start * vertices + end, end * np.int64(vertices) + start
    order, other = np.argsort(key), np.argsort(opposite)
    forward, backward = key[order], opposite[other]
    closed = bool((forward[1:] != forward[:-1]).all()) and bool((forward == backward).all())
    if not closed:
        return False, False
    twin = np.empty(len(key), dtype=np.int64)
    twin[order] = other
    fans = _cycles(_next_corner(twin))
    return True, fans == len(np.unique(start))


def _next_corner(twin: NDArray[np.int64]) -> NDArray[np.int64]:
    """The corner that follows each corner in the fan around its vertex.

    Corner c starts the directed edge c; its twin edge ends at the same vertex, and the edge after that starts there.
    """
    following: NDArray[np.int64] = np.where(twin % 3 == 2, twin - 2, twin + 1)
    return following


def _cycles(following: NDArray[np.int64]) -> int:
    """How many cycles a permutation has, by doubling steps until no smallest member changes."""
    smallest = np.arange(len(following))
    while True:
        better = np.minimum(smallest, smallest[following])
        if (better == smallest).all():
            return int((smallest == np.arange(len(smallest))).sum())
        smallest, following = better, following[following]


def _unit(normals: NDArray[np.float32]) -> bool:
    length = np.linalg.norm(normals, axis=1)
    return bool(np.isfinite(length).all() and (np.abs(length - 1.0) < 1e-3).all())


def shells(vertices: Floats, faces: Ints) -> list[float]:
    """The signed volume of each connected part of a surface, in the cube of the vertices' unit; for tests."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = (np.concatenate([faces[:, 0], faces[:, 1]]), np.concatenate([faces[:, 1], faces[:, 2]]))
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(len(vertices), len(vertices)))
    part = connected_components(graph, directed=False)[1][faces[:, 0]]
    return [signed_volume(vertices, faces[part == number]) for number in np.unique(part)]
