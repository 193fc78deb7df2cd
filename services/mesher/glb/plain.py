"""Plain glTF 2.0 without extensions: float32 positions in metres and float32 normals."""

from __future__ import annotations

import numpy as np

from services.mesher.glb.builder import FLOAT, UINT16, UINT32, GltfBuilder, Values, to_gltf_axes
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Int32

EXTENSIONS: tuple[str, ...] = ()
_VECTORS = Values(FLOAT, "VEC3")


def add_plain(builder: GltfBuilder, organ: MeshedOrgan, mesh: Mesh) -> None:
    """Add an organ with float32 attributes and no node transform."""
    metres = builder.metres(mesh.vertices).astype(np.float32)
    position = builder.add_array(metres, _VECTORS, metres)
    normal = builder.add_array(to_gltf_axes(mesh.normals), _VECTORS)
    builder.add_organ(organ, (position, normal, add_indices(builder, mesh.faces, len(metres))))


def add_indices(builder: GltfBuilder, faces: Int32, vertices: int) -> int:
    """Add the vertex indices of `faces`, in 16 bits where they fit; 65535 is not an index (it restarts primitives)."""
    small = vertices < 65536
    indices = faces.reshape(-1).astype(np.uint16 if small else np.uint32)
    return builder.add_array(indices, Values(UINT16 if small else UINT32, "SCALAR"))
