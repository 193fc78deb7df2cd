"""A GLB whose organs have their parts as child nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from services.mesher.glb import common_centre
from services.mesher.glb.builder import GltfBuilder
from services.mesher.glb.meshopt import EXTENSIONS, add_compressed
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Int64
from shared.imaging.volume import Organ

NEAR_MM = 5.0
"""Organs whose surfaces come as near as this are neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class PartedOrgan:
    """An organ with the parts of its surface; without parts it is one node."""

    organ: MeshedOrgan
    parts: tuple[MeshedOrgan, ...] = ()

    @property
    def leaves(self) -> tuple[MeshedOrgan, ...]:
        """The parts, or the organ itself where it has none."""
        return self.parts or (self.organ,)


def part_of(organ: MeshedOrgan, definition: Organ, faces: Int64, volume_ml: float) -> MeshedOrgan:
    """Return the part of an organ's surface that has these faces (m,); it is open where the next part begins.

    `definition` names the part. Its normals are those of the organ, so that no seam is seen.
    """
    mesh = _mesh_of(organ)
    used, places = np.unique(mesh.faces[faces], return_inverse=True)
    part = Mesh(definition.id, mesh.vertices[used], places.reshape(-1, 3).astype(np.int32), mesh.normals[used])
    a, b, c = (part.vertices[part.faces[:, corner]] for corner in range(3))
    area = 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    return replace(
        organ, definition=definition, mesh=part, checks=None, volume_voxels_ml=volume_ml, surface_cm2=area / 100.0
    )


def to_nested_glb(organs: Sequence[PartedOrgan], provenance: Provenance) -> bytes:
    """Write organs with their parts as one compressed GLB (EXT_meshopt_compression); the axes are those of `to_glb`.

    An organ with parts is a node without a surface. The extras of every node with a surface name its `neighbours`:
    the other nodes within `NEAR_MM`, parts of the same organ left out.
    """
    builder = GltfBuilder(provenance, common_centre([_mesh_of(each.organ) for each in organs]), EXTENSIONS)
    neighbours = _neighbours(organs)
    roots = []
    for each in organs:
        children = []
        for leaf in each.leaves:
            children.append(len(builder.nodes))
            add_compressed(builder, leaf, _mesh_of(leaf))
            builder.nodes[-1]["extras"]["neighbours"] = neighbours[leaf.name]
        roots.append(builder.add_parent(each.organ, children) if each.parts else children[0])
    builder.scene = roots
    return builder.to_bytes()


def _neighbours(organs: Sequence[PartedOrgan]) -> dict[str, list[str]]:
    leaves = [(number, leaf) for number, each in enumerate(organs) for leaf in each.leaves]
    trees = {leaf.name: cKDTree(_mesh_of(leaf).vertices) for _, leaf in leaves}
    found: dict[str, list[str]] = {leaf.name: [] for _, leaf in leaves}
    for owner, leaf in leaves:
        for other_owner, other in leaves:
            if owner < other_owner and _is_near(trees[leaf.name], _mesh_of(other)):
                found[leaf.name].append(other.name)
                found[other.name].append(leaf.name)
    return found


def _is_near(tree: cKDTree, other: Mesh) -> bool:
    distance, _ = tree.query(other.vertices, distance_upper_bound=NEAR_MM)
    return bool(np.isfinite(distance).any())


def _mesh_of(organ: MeshedOrgan) -> Mesh:
    if organ.mesh is None:
        raise ValueError(f"{organ.name} has no surface")
    return organ.mesh
