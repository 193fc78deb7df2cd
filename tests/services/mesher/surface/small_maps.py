"""Label maps of a few voxels in odd arrangements, and the bounds within which every surface must be.

The bounds are computed from the voxels by brute force, apart from the mesher's own checks.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from services.mesher.surface.crossings import crossings
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap

KINDS = ("random", "sheet", "rod", "diagonal", "checkerboard", "interlocked", "walk")


def draw_map(rng: np.random.Generator) -> LabelMap:
    """A label map of 1 to about 50 voxels per label, with an anisotropy of up to 10."""
    size = tuple(int(n) for n in rng.integers(2, 9, 3))
    grid = np.indices(size)
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "random":
        data = (rng.random(size) < rng.uniform(0.02, 0.7)).astype(np.uint8)
    elif kind == "sheet":
        data = (grid[rng.integers(3)] == rng.integers(2)).astype(np.uint8)
        data &= (rng.random(size) < rng.choice([0.7, 0.9, 1.0])).astype(np.uint8)
    elif kind == "rod":
        axes = rng.permutation(3)
        data = ((grid[axes[0]] == 0) & (grid[axes[1]] == 1)).astype(np.uint8)
    elif kind == "diagonal":
        data = (np.abs(grid[0] - grid[1]) + np.abs(grid[1] - grid[2]) * rng.integers(2) == 0).astype(np.uint8)
    elif kind == "checkerboard":
        data = (grid.sum(axis=0) % 2 == 0).astype(np.uint8) * (1 + rng.integers(2) * (grid[0] % 2)).astype(np.uint8)
    elif kind == "interlocked":
        data = rng.integers(0, 4, size).astype(np.uint8) * (rng.random(size) < rng.uniform(0.3, 1.0))
    else:
        data = _walk(size, rng)
    data = _few(data.astype(np.uint8), rng)
    margin = [(int(rng.integers(0, 4)), int(rng.integers(0, 4))) for _ in range(3)]
    spacing = rng.uniform(0.5, 3.0) * 10.0 ** rng.uniform(-0.5, 0.5, 3)
    data = np.pad(data, margin)
    return LabelMap(data, Geometry.from_spacing(data.shape, tuple(float(mm) for mm in spacing)))


def _walk(size, rng):
    """The voxels of a random walk, which touches itself at faces, edges and corners."""
    data, place = np.zeros(size, dtype=np.uint8), rng.integers(0, size)
    for _ in range(rng.integers(1, 50)):
        data[tuple(place)] = 1
        place = np.clip(place + rng.integers(-1, 2, 3), 0, np.array(size) - 1)
    return data


def _few(data, rng):
    """At most 50 voxels of each label, and at least one voxel."""
    for label in np.unique(data[data > 0]):
        places = np.argwhere(data == label)
        for place in rng.permutation(places)[50:]:
            data[tuple(place)] = 0
    if not data.any():
        data[tuple(rng.integers(0, data.shape))] = 1
    return data


maps = st.integers(0, 2**32 - 1).map(lambda seed: draw_map(np.random.default_rng(seed)))


def faces_of(mask, geometry):
    """Centres (n, 3) in LPS mm of the faces between a mask and its surroundings, and their area in mm2."""
    padded = np.pad(mask, 1).astype(np.int8)
    spacing = np.array(geometry.spacing)
    centres, area = [], 0.0
    for axis in range(3):
        index = np.argwhere(np.diff(padded, axis=axis) != 0) - 1.0
        index[:, axis] += 0.5
        centres.append(index[:, ::-1])
        area += len(index) * float(np.prod(np.delete(spacing, axis)))
    return geometry.to_patient(np.concatenate(centres)), area


def outside_bounds(mesh, mask, geometry):
    """The names of the bounds that a surface breaks."""
    broken = []
    index = geometry.to_index(mesh.vertices)
    voxels = np.argwhere(mask)[:, ::-1]
    if (index < voxels.min(axis=0) - 1.5 - 1e-6).any() or (index > voxels.max(axis=0) + 1.5 + 1e-6).any():
        broken.append("box")
    centres, area = faces_of(mask, geometry)
    limit = 1.5 * float(np.linalg.norm(geometry.spacing))
    if cKDTree(centres).query(mesh.vertices)[0].max() > limit:
        broken.append("vertex far from the voxels")
    if cKDTree(_samples(mesh)).query(centres)[0].max() > limit:
        broken.append("voxels far from the surface")
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    if np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2.0 > 1.5 * area:
        broken.append("area")
    if crossings(mesh.vertices, mesh.faces):
        broken.append("crossings")
    return broken


def _samples(mesh):
    """Points on all triangles: corners, centres and the middles of edges."""
    corners = mesh.vertices[mesh.faces]
    middles = (corners + np.roll(corners, 1, axis=1)) / 2.0
    return np.concatenate([mesh.vertices, corners.mean(axis=1), middles.reshape(-1, 3)])
