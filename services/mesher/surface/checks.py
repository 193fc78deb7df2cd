"""The checks that every finished surface must pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mesher.surface.mesh import Measures, Mesh
from services.mesher.surface.topology import topology
from shared.arrays import Float32

VOLUME_TOLERANCE = 0.005
"""Largest relative difference between the volume of a mesh and that of its voxels."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one mesh and whether it passed each."""

    watertight: bool
    manifold: bool
    outward: bool
    no_degenerate_faces: bool
    volume_kept: bool
    finite_normals: bool

    @property
    def passed(self) -> bool:
        """Whether all of them passed."""
        return all(getattr(self, name) for name in self.__slots__)


def check(mesh: Mesh, measures: Measures, volume: float) -> Checks:
    """Check `mesh`, which has these `measures`, against the volume of its voxels in mm3."""
    is_closed, is_manifold = topology(mesh.faces, len(mesh.vertices), measures.corners)
    return Checks(
        watertight=is_closed,
        manifold=is_manifold,
        outward=is_closed and measures.volume > 0.0,
        no_degenerate_faces=len(mesh.faces) > 0 and measures.smallest > 0.0,
        volume_kept=abs(measures.volume - volume) <= VOLUME_TOLERANCE * volume,
        finite_normals=bool(np.isfinite(mesh.vertices).all()) and _are_units(mesh.normals),
    )


def _are_units(normals: Float32) -> bool:
    length = np.linalg.norm(normals, axis=1)
    return bool(np.isfinite(length).all() and (np.abs(length - 1.0) < 1e-3).all())
