"""Quantised attributes (KHR_mesh_quantization) without compression: two thirds of the size of the plain file.

Positions have 14 bits of the largest extent of the organ. The node's scale and translation restore them; the scale is
the same in all directions, so normals are not distorted. Normals have 8 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.glb.builder import BYTE, UINT16, GltfBuilder, Json, Values, to_gltf_axes
from services.mesher.glb.plain import add_indices
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Float64, Int8, UInt16

EXTENSIONS = ("KHR_mesh_quantization",)
POSITION = Values(UINT16, "VEC3")
NORMAL = Values(BYTE, "VEC3", normalized=True)
_POSITION_LEVELS = (1 << 14) - 1
_LEAST_EXTENT = 1e-6
"""In metres: keeps the scale of a node above 0."""


def add_quantised(builder: GltfBuilder, organ: MeshedOrgan, mesh: Mesh) -> None:
    """Add an organ with quantised attributes and the node transform that restores its positions."""
    packed, transform = quantise(builder.metres(mesh.vertices))
    position = builder.add_array(packed, POSITION, packed[:, :3])
    normal = builder.add_array(_to_bytes(to_gltf_axes(mesh.normals)), NORMAL)
    builder.add_organ(organ, (position, normal, add_indices(builder, mesh.faces, len(packed))), transform)


def quantise(metres: Float64) -> tuple[UInt16, Json]:
    """Positions (n, 4) of 14 bits with an empty fourth column, and the node transform that restores them.

    glTF aligns every element to 4 bytes, so three 16-bit values need a fourth.
    """
    low = metres.min(axis=0)
    step = max(float((metres.max(axis=0) - low).max()), _LEAST_EXTENT) / _POSITION_LEVELS
    position = np.zeros((len(metres), 4), dtype=np.uint16)
    position[:, :3] = np.rint((metres - low) / step)
    return position, {"translation": [float(value) for value in low], "scale": [step] * 3}


def _to_bytes(normals: NDArray[Any]) -> Int8:
    """Unit vectors (n, 3) in units of 1/127, (n, 4) with an empty fourth column."""
    packed = np.zeros((len(normals), 4), dtype=np.int8)
    packed[:, :3] = np.rint(normals * 127.0)
    return packed
