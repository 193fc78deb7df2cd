"""The checks that every finished surface must pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mesher.surface.crossings import crossings
from services.mesher.surface.nearness import REACH, all_near, vertices_near_faces
from services.mesher.surface.organ import OrganSurface, OrganVoxels
from services.mesher.surface.topology import topology
from shared.arrays import Float32

VOLUME_TOLERANCE = 0.005
"""Largest relative difference between the volume of a mesh and that of its voxels."""
AREA_RATIO = 1.5
"""Largest ratio of a surface's area to that of the exposed faces of its voxels; a smooth surface has 2/3 of it."""
BOX_MARGIN = 1.0
"""How far, in voxels, a surface may leave the box of its voxels."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one mesh and whether it passed each.

    `no_crossings` is None where it was not tested: at run time only organs below 1,000 voxels are.
    """

    watertight: bool
    manifold: bool
    outward: bool
    no_degenerate_faces: bool
    volume_kept: bool
    finite_normals: bool
    within_box: bool
    near_voxels: bool
    area_plausible: bool
    no_crossings: bool | None

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(getattr(self, name) is not False for name in self.__slots__)


def check(surface: OrganSurface) -> Checks:
    """Check the surface of an organ against its voxels."""
    organ, mesh, measures = surface.organ, surface.mesh, surface.measures
    is_closed, is_manifold = topology(mesh.faces, len(mesh.vertices), measures.corners)
    is_finite = bool(np.isfinite(mesh.vertices).all())
    index = organ.layout.to_index(mesh.vertices)
    within_box = is_finite and _is_within_box(index, organ)
    return Checks(
        watertight=is_closed,
        manifold=is_manifold,
        outward=is_closed and measures.volume > 0.0,
        no_degenerate_faces=len(mesh.faces) > 0 and measures.smallest > 0.0,
        volume_kept=abs(measures.volume - organ.volume) <= VOLUME_TOLERANCE * organ.volume,
        finite_normals=is_finite and _are_units(mesh.normals),
        within_box=within_box,
        near_voxels=within_box and _is_near(index, surface),
        area_plausible=measures.area <= AREA_RATIO * organ.runs.exposed_area(organ.layout.spacing),
        no_crossings=is_finite and not _crosses(surface) if organ.is_small else None,
    )


def _crosses(surface: OrganSurface) -> bool:
    """Whether the surface crosses itself, tested in voxel units, where flat voxels have no long triangles."""
    mesh = surface.mesh
    local = (mesh.vertices - mesh.vertices[0]) @ np.linalg.inv(surface.organ.layout.matrix).T
    return crossings(local, mesh.faces) > 0


def _is_within_box(index: Float32, organ: OrganVoxels) -> bool:
    """Whether all voxel indices (3, n) are within the box of the voxels, grown by one voxel."""
    low, high = organ.runs.bounds()
    margin = 0.5 + BOX_MARGIN + 1e-3
    return all(
        bool(column.min() >= first - margin and column.max() <= last - 1 + margin)
        for column, first, last in zip(index, low, high, strict=True)
    )


def _is_near(index: Float32, surface: OrganSurface) -> bool:
    """Whether all vertices are near exposed faces, and all exposed faces (or sampled voxels) near the surface."""
    if not surface.covers_voxels:
        return False
    if surface.organ.is_small:
        return all_near(surface.organ, surface.mesh, REACH)
    return vertices_near_faces(surface.organ, surface.mesh, index, REACH)


def _are_units(normals: Float32) -> bool:
    length = np.linalg.norm(normals, axis=1)
    return bool(np.isfinite(length).all() and (np.abs(length - 1.0) < 1e-3).all())
