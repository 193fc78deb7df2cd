"""Label maps and questions about surfaces that several tests use."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from services.mesher.results import MeshedOrgan, MeshedOrgans
from services.mesher.surface.mesh import Mesh, signed_volume
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap


def labels(data: NDArray[Any], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> LabelMap:
    """A label map along the patient's axes."""
    return LabelMap(data.astype(np.uint8), Geometry.from_spacing(data.shape, spacing))


def ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> NDArray[np.bool_]:
    """A ball of voxels; `centre` is (slice, row, column)."""
    grid = np.indices(shape).reshape(3, -1).T - np.array(centre)
    return ((grid**2).sum(axis=1) <= radius**2).reshape(shape)


def oblique(determinant: int, angle: float = 0.5) -> NDArray[np.float64]:
    """A turned affine of uneven voxels, right- or left-handed."""
    c, s = np.cos(angle), np.sin(angle)
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag([1.4, 1.7, 2.6 * determinant])
    affine[:3, 3] = (12.0, -80.0, 300.0)
    return affine


def organ_of(meshed: MeshedOrgans, label: int) -> MeshedOrgan:
    """The entry of a label."""
    return next(organ for organ in meshed.organs if organ.label == label)


def surface(meshed: MeshedOrgans, label: int) -> Mesh:
    """The surface of a label, which must be there."""
    mesh = organ_of(meshed, label).mesh
    assert mesh is not None
    return mesh


def winding(mesh: Mesh, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often the surface winds around each point (van Oosterom and Strackee 1983): 1 inside, 0 outside."""
    total = np.zeros(len(points))
    for number, point in enumerate(points):
        a, b, c = (mesh.vertices[mesh.faces[:, k]] - point for k in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        top = np.einsum("ij,ij->i", a, np.cross(b, c))
        below = la * lb * lc
        for u, v, w in ((a, b, lc), (b, c, la), (c, a, lb)):
            below = below + np.einsum("ij,ij->i", u, v) * w
        total[number] = 2.0 * np.arctan2(top, below).sum() / (4.0 * np.pi)
    return total


@cache
def phantom_labels() -> LabelMap:
    """The label map of the synthetic abdomen; computing it takes longer than meshing it."""
    return abdomen().labels


def shells(vertices: NDArray[Any], faces: NDArray[Any]) -> list[float]:
    """The signed volume of each connected part of a surface, in the cube of the vertices' unit."""
    edges = (np.concatenate([faces[:, 0], faces[:, 1]]), np.concatenate([faces[:, 1], faces[:, 2]]))
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(len(vertices), len(vertices)))
    part = connected_components(graph, directed=False)[1][faces[:, 0]]
    return [signed_volume(vertices, faces[part == number]) for number in np.unique(part)]
