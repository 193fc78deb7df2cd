"""Binary glTF 2.0 files: one named, coloured, to-scale node per organ, in metres with +Y to the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from services.mesher.glb import meshopt, plain, quantised
from services.mesher.glb.builder import GltfBuilder
from services.mesher.glb.lod import link_levels
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Float64

Compression = Literal["none", "quantized", "meshopt"]
Level = Sequence[MeshedOrgan]
AddOrgan = Callable[[GltfBuilder, MeshedOrgan, Mesh], None]
_KINDS: Mapping[Compression, tuple[AddOrgan, Sequence[str]]] = {
    "none": (plain.add_plain, plain.EXTENSIONS),
    "quantized": (quantised.add_quantised, quantised.EXTENSIONS),
    "meshopt": (meshopt.add_compressed, meshopt.EXTENSIONS),
}


def to_glb(
    organs: Level, provenance: Provenance, compression: Compression = "none", coarser: Sequence[Level] = ()
) -> bytes:
    """Write the organs as one GLB; organs without a surface have no node, and a file without any organ is valid.

    The plain file uses no extension, float32 positions in metres and no node transform. With "quantized", attributes
    are quantised (KHR_mesh_quantization); with "meshopt" they are compressed as well (EXT_meshopt_compression).
    `coarser` are the same organs with fewer triangles, finest first: levels of detail (MSFT_lod). LPS mm (x, y, z)
    becomes (x, z, -y) / 1000, relative to the centre of the common bounding box.
    """
    levels = [[(organ, organ.mesh) for organ in level if organ.mesh is not None] for level in (organs, *coarser)]
    add_organ, extensions = _KINDS[compression]
    builder = GltfBuilder(provenance, common_centre([mesh for _, mesh in levels[0]]), extensions)
    if not levels[0]:
        return builder.to_bytes()
    for level in levels:
        for organ, mesh in level:
            add_organ(builder, organ, mesh)
    if coarser:
        link_levels(builder, [len(level) for level in levels])
    return builder.to_bytes()


def common_centre(meshes: Sequence[Mesh]) -> Float64:
    """The centre (3,) of the bounding box of all surfaces, LPS mm; the origin where there is none."""
    if not meshes:
        return np.zeros(3)
    low = np.min([mesh.vertices.min(axis=0) for mesh in meshes], axis=0)
    high = np.max([mesh.vertices.max(axis=0) for mesh in meshes], axis=0)
    centre: Float64 = (low + high) / 2.0
    return centre
