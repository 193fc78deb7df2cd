"""The plain surface of an organ: marching cubes on its voxels, without a field."""

from __future__ import annotations

import numpy as np

from services.mesher.surface.marching_cubes import extract
from services.mesher.surface.mesh import Mesh, measure, signed_volume
from services.mesher.surface.organ import OrganSurface, OrganVoxels
from services.mesher.surface.runs import Layout, Runs
from services.mesher.surface.volume import to_single
from shared.arrays import Float64, Int32, UInt8

_MOST_SPLIT = 2_000_000
"""Voxels of a box up to which voxels are split."""
_FIRST, _LAST = 0.05, 0.95
"""Range of the vertices' position between an inside voxel (0) and an outside voxel (1)."""
_TOLERANCE = 1e-4
"""Relative error of the volume at which the search for the position ends."""


def plain_surface(organ: OrganVoxels) -> OrganSurface:
    """The surface of the voxels themselves, without smoothing: less pretty, but always closed and a manifold."""
    points, faces = plain_points(organ.runs, organ.layout, organ.is_small)
    measures = measure(to_single(points), faces)
    mesh = Mesh(organ.label, points, faces, measures.normals.astype(np.float32))
    return OrganSurface(organ, mesh, measures, "voxels")


def plain_points(runs: Runs, layout: Layout, split: bool) -> tuple[Float64, Int32]:
    """Vertices (n, 3) in patient LPS mm and faces (m, 3), wound outward, that enclose the volume of the runs.

    With `split`, each voxel is first split in 2 x 2 x 2. Marching cubes cuts off the corners of voxels, and leaves only
    a sixth of a single one; of a split voxel it leaves 71 %, so the surface is nearer to the voxels.
    """
    low, high = runs.bounds()
    mask = runs.paint(low, high)
    parts = 2 if split and mask.size <= _MOST_SPLIT else 1
    for axis in range(3) if parts > 1 else ():
        mask = np.repeat(mask, parts, axis=axis)
    vertices, faces = _enclose(np.pad(mask, 1).view(np.uint8), float(runs.voxels * parts**3))
    # Part p of a voxel is at (p + 0.5) / parts - 0.5 from its centre; padding shifts p by one.
    index = (vertices - 0.5) / parts - 0.5 + low
    return layout.to_patient(index), faces if layout.right_handed else np.ascontiguousarray(faces[:, ::-1])


def _enclose(mask: UInt8, volume: float) -> tuple[Float64, Int32]:
    """Marching cubes on a mask, with vertices where the surface encloses `volume`, in voxels.

    All vertices are at the same fraction of their edges from an inside voxel to an outside voxel. The enclosed volume
    rises with that fraction, and vertices stay on their edges, so the surface cannot cross itself.
    """
    near, faces = extract(mask, 0, lambda values: values - np.float32(1.0 - _FIRST))
    far, _ = extract(mask, 0, lambda values: values - np.float32(1.0 - _LAST))
    near_, change = near.astype(np.float64), far.astype(np.float64) - near
    low, high = 0.0, 1.0
    for _ in range(30):
        share = (low + high) / 2.0
        points = near_ + share * change
        enclosed = signed_volume(points, faces)
        if abs(enclosed - volume) <= _TOLERANCE * volume:
            break
        low, high = (share, high) if enclosed < volume else (low, share)
    return points, faces
