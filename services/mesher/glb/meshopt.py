"""Quantised (KHR_mesh_quantization) and compressed (EXT_meshopt_compression) attributes: the smallest file.

Positions are quantised as in `quantised`; normals are octahedral with 8 bits. A viewer without the extensions cannot
show the file, so both are required.
"""

from __future__ import annotations

from typing import Any

import meshopt
import numpy as np
from numpy.typing import NDArray

from services.mesher.glb.builder import MESHOPT, UINT32, Encoded, GltfBuilder, Values, to_gltf_axes
from services.mesher.glb.quantised import NORMAL, POSITION, quantise
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Int8

EXTENSIONS = (MESHOPT, "KHR_mesh_quantization")
_INDICES = Values(UINT32, "SCALAR")


def add_compressed(builder: GltfBuilder, organ: MeshedOrgan, mesh: Mesh) -> None:
    """Add an organ with encoded attributes; its vertices are in the order in which its triangles need them."""
    faces, places, count = meshopt.reorder_mesh(mesh.faces.astype(np.uint32), triangles=True, optsize=False)
    order = np.argsort(places)[:count]  # a vertex that no triangle has is sorted to the end
    packed, transform = quantise(builder.metres(mesh.vertices)[order])
    normals = octahedral(to_gltf_axes(mesh.normals)[order])
    positions = Encoded(meshopt.encode_gltf_buffer(packed, "ATTRIBUTES"), count, 8, "ATTRIBUTES")
    directions = Encoded(meshopt.encode_gltf_buffer(normals, "ATTRIBUTES"), count, 4, "ATTRIBUTES", "OCTAHEDRAL")
    indices = Encoded(meshopt.encode_gltf_buffer(faces, "TRIANGLES"), mesh.faces.size, 4, "TRIANGLES")
    accessors = (
        builder.add_encoded(positions, POSITION, packed[:, :3]),
        builder.add_encoded(directions, NORMAL),
        builder.add_encoded(indices, _INDICES),
    )
    builder.add_organ(organ, accessors, transform)


def octahedral(normals: NDArray[Any]) -> Int8:
    """Unit vectors (n, 3) as input (n, 4) of the OCTAHEDRAL filter: two octahedral coordinates, one, and zero.

    A vector is projected on the octahedron |x| + |y| + |z| = 1, whose lower half is folded out over the upper one.
    """
    x, y, z = (normals.astype(np.float64) / np.abs(normals).sum(axis=1, keepdims=True)).T
    lower = z < 0
    u = np.where(lower, (1.0 - np.abs(y)) * np.where(x < 0, -1.0, 1.0), x)
    v = np.where(lower, (1.0 - np.abs(x)) * np.where(y < 0, -1.0, 1.0), y)
    packed = np.zeros((len(normals), 4), dtype=np.int8)
    packed[:, 0], packed[:, 1], packed[:, 2] = np.rint(u * 127.0), np.rint(v * 127.0), 127
    return packed
