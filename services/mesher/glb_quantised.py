"""Quantised attributes (KHR_mesh_quantization) without compression: two thirds of the size for viewers that know them.

Positions are 14 bits of the organ's largest extent, undone by the node's scale and translation, which are the same in
all directions so that normals keep theirs; normals have 8 bits.
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
from services.mesher.results import MeshedOrgan
from services.mesher.surface import Floats, Mesh

_POSITION_LEVELS = (1 << 14) - 1


def write_quantised(document: Json, present: Sequence[tuple[MeshedOrgan, Mesh]], centre: Floats) -> bytes:
    """Add the organs' nodes to `document` and return its binary chunk; vertices are metres from `centre` (LPS mm)."""
    document["extensionsUsed"] = document["extensionsRequired"] = ["KHR_mesh_quantization"]
    document["scenes"][0]["nodes"] = list(range(len(present)))
    document |= {"nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": [], "buffers": [{}]}
    binary = bytearray()
    for made, surface in present:
        position, node = quantise(to_gltf_axes(surface.vertices - centre) / 1000.0)
        small = len(position) < 65536
        indices = surface.faces.reshape(-1).astype(np.uint16 if small else np.uint32)
        bounds = {"min": position[:, :3].min(axis=0).tolist(), "max": position[:, :3].max(axis=0).tolist()}
        first = len(document["accessors"])
        document["accessors"] += [
            _values(document, binary, position, {"componentType": UINT16, "type": "VEC3"} | bounds),
            _values(document, binary, _bytes(to_gltf_axes(surface.normals)), _NORMAL),
            _values(document, binary, indices, {"componentType": UINT16 if small else UINT32, "type": "SCALAR"}),
        ]
        add_organ(document, made, first, node)
    return bytes(binary)


_NORMAL: Json = {"componentType": BYTE, "type": "VEC3", "normalized": True}


def quantise(metres: Floats) -> tuple[NDArray[np.uint16], Json]:
    """Positions (n, 4) of 14 bits with an empty fourth column, and the node's transform that undoes them."""
    low = metres.min(axis=0)
    step = max(float((metres.max(axis=0) - low).max()), 1e-6) / _POSITION_LEVELS
    position = np.zeros((len(metres), 4), dtype=np.uint16)
    position[:, :3] = np.rint((metres - low) / step)
    return position, {"translation": [float(value) for value in low], "scale": [step] * 3}


def _bytes(normals: NDArray[Any]) -> NDArray[np.int8]:
    """Unit vectors (n, 3) in 127ths, with an empty fourth column."""
    packed = np.zeros((len(normals), 4), dtype=np.int8)
    packed[:, :3] = np.rint(normals * 127.0)
    return packed


def _values(document: Json, binary: bytearray, array: NDArray[Any], kind: Json) -> Json:
    """Append an array to the binary chunk with its view; the accessor to it."""
    raw = np.ascontiguousarray(array).tobytes()
    view: Json = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(raw)}
    view |= {"target": ARRAY_BUFFER, "byteStride": array.strides[0]} if array.ndim > 1 else {}
    view.setdefault("target", ELEMENT_ARRAY_BUFFER)
    binary += raw + b"\0" * (-len(raw) % 4)
    document["bufferViews"].append(view)
    return {"bufferView": len(document["bufferViews"]) - 1, "count": len(array)} | kind
