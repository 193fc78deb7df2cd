"""The small GLB: attributes quantised (KHR_mesh_quantization) and compressed (EXT_meshopt_compression).

Positions are quantised as in `glb_quantised`; normals are octahedral with 8 bits. A viewer that lacks the extensions
can't show the file, so both are required.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.glb_parts import (
    ARRAY_BUFFER,
    BYTE,
    ELEMENT_ARRAY_BUFFER,
    UINT16,
    UINT32,
    Json,
    add_organ,
    to_gltf_axes,
)
from services.mesher.glb_quantised import quantise
from services.mesher.meshopt import encode_attributes, encode_triangles
from services.mesher.results import MeshedOrgan
from services.mesher.surface import Floats, Mesh


def write_compressed(document: Json, present: Sequence[tuple[MeshedOrgan, Mesh]], centre: Floats) -> bytes:
    """Add the organs' nodes to `document` and return its binary chunk; vertices are metres from `centre` (LPS mm)."""
    document["extensionsUsed"] = document["extensionsRequired"] = ["EXT_meshopt_compression", "KHR_mesh_quantization"]
    document["scenes"][0]["nodes"] = list(range(len(present)))
    fallback = {"byteLength": 0, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
    document |= {"nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": []}
    document["buffers"] = [{}, fallback]
    binary = bytearray()
    for made, surface in present:
        ordered = encode_triangles(surface.faces, len(surface.vertices))
        metres = to_gltf_axes(surface.vertices - centre)[ordered.vertices] / 1000.0
        position, node = quantise(metres)
        normal = octahedral(to_gltf_axes(surface.normals)[ordered.vertices])
        count = len(position)
        views = [
            _view(document, binary, encode_attributes(position.view(np.uint8)), (count, 8, "ATTRIBUTES", "NONE")),
            _view(document, binary, encode_attributes(normal.view(np.uint8)), (count, 4, "ATTRIBUTES", "OCTAHEDRAL")),
            _view(document, binary, ordered.codes, (surface.faces.size, 4, "TRIANGLES", "NONE")),
        ]
        bounds = {"min": position[:, :3].min(axis=0).tolist(), "max": position[:, :3].max(axis=0).tolist()}
        accessors = [
            {"bufferView": views[0], "componentType": UINT16, "type": "VEC3", "count": count} | bounds,
            {"bufferView": views[1], "componentType": BYTE, "type": "VEC3", "count": count, "normalized": True},
            {"bufferView": views[2], "componentType": UINT32, "type": "SCALAR", "count": surface.faces.size},
        ]
        first = len(document["accessors"])
        document["accessors"] += accessors
        add_organ(document, made, first, node)
    return bytes(binary)


def octahedral(normals: NDArray[Any]) -> NDArray[np.int8]:
    """Unit vectors (n, 3) as the filter's input (n, 4): two octahedral coordinates, one, and zero."""
    x, y, z = (normals.astype(np.float64) / np.abs(normals).sum(axis=1, keepdims=True)).T
    folded = z < 0
    u = np.where(folded, (1.0 - np.abs(y)) * np.where(x < 0, -1.0, 1.0), x)
    v = np.where(folded, (1.0 - np.abs(x)) * np.where(y < 0, -1.0, 1.0), y)
    packed = np.zeros((len(normals), 4), dtype=np.int8)
    packed[:, 0], packed[:, 1], packed[:, 2] = np.rint(u * 127.0), np.rint(v * 127.0), 127
    return packed


def _view(document: Json, binary: bytearray, encoded: bytes, layout: tuple[int, int, str, str]) -> int:
    """Append an encoded buffer view (count, stride, mode, filter); returns its number."""
    count, stride, mode, filter_ = layout
    triangles = mode == "TRIANGLES"
    fallback = document["buffers"][1]
    compressed: Json = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(encoded), "byteStride": stride}
    compressed |= {"count": count, "mode": mode}
    if filter_ != "NONE":
        compressed["filter"] = filter_
    view: Json = {"buffer": 1, "byteOffset": fallback["byteLength"], "byteLength": count * stride}
    if not triangles:
        view["byteStride"] = stride
    view["target"] = ELEMENT_ARRAY_BUFFER if triangles else ARRAY_BUFFER
    view["extensions"] = {"EXT_meshopt_compression": compressed}
    fallback["byteLength"] += count * stride
    binary += encoded + b"\0" * (-len(encoded) % 4)
    document["bufferViews"].append(view)
    return len(document["bufferViews"]) - 1
