"""The binary glTF 2.0 file: one named, coloured, to-scale node per organ, in metres with +Y to the head."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from services.mesher.glb_levels import link_levels
from services.mesher.glb_meshopt import write_compressed
from services.mesher.glb_parts import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    FLOAT,
    UINT16,
    UINT32,
    Json,
    add_organ,
    to_gltf_axes,
)
from services.mesher.glb_quantised import write_quantised
from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import MeshedOrgan
from services.mesher.surface import Floats, Mesh

Compression = Literal["none", "quantized", "meshopt"]
Level = Sequence[MeshedOrgan]
_VECTORS = (ARRAY_BUFFER, FLOAT, "VEC3")


def to_glb(
    organs: Level, provenance: Provenance, compression: Compression = "none", coarser: Sequence[Level] = ()
) -> bytes:
    """The organs as one GLB; those without a surface have no node, and no organ at all still makes a valid file.

    The plain file uses no extension, float32 positions in metres and no node transform; with "meshopt" attributes are
    quantised (KHR_mesh_quantization) and compressed (EXT_meshopt_compression), with "quantized" only the former.
    `coarser` are the same organs with fewer triangles, finest first: levels of detail (MSFT_lod). Of patient space,
    LPS mm (x, y, z) becomes (x, z, -y) / 1000 after the centre of the common bounding box was subtracted.
    """
    levels = [[(made, made.mesh) for made in level if made.mesh is not None] for level in (organs, *coarser)]
    centre = common_centre([surface for _, surface in levels[0]])
    document = _document(provenance, centre)
    if not levels[0]:
        return pack(document, b"")
    binary = _WRITERS[compression](document, [one for level in levels for one in level], centre)
    if coarser:
        link_levels(document, [len(level) for level in levels])
    return pack(document, binary)


def common_centre(meshes: Sequence[Mesh]) -> Floats:
    """The centre (3,) of the bounding box of all surfaces, LPS mm; the origin where there is none."""
    if not meshes:
        return np.zeros(3)
    low = np.min([surface.vertices.min(axis=0) for surface in meshes], axis=0)
    high = np.max([surface.vertices.max(axis=0) for surface in meshes], axis=0)
    centre: Floats = (low + high) / 2.0
    return centre


def pack(document: Json, binary: bytes) -> bytes:
    """A GLB container of a glTF document and its binary chunk (left out when empty)."""
    if binary:
        document["buffers"][0]["byteLength"] = len(binary)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _document(provenance: Provenance, centre: Floats) -> Json:
    extras = {
        "models": [{"name": name, "sha256": digest} for name, digest in provenance.models],
        "software": provenance.software,
        "center_lps_mm": [float(value) for value in centre],
        "notice": NOTICE,
    }
    asset = {"version": "2.0", "generator": f"Viscera {provenance.software}".strip(), "extras": extras}
    return {"asset": asset, "scene": 0, "scenes": [{"name": "organs"}]}


def _write_plain(document: Json, present: Sequence[tuple[MeshedOrgan, Mesh]], centre: Floats) -> bytes:
    document["scenes"][0]["nodes"] = list(range(len(present)))
    document |= {"nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": [], "buffers": [{}]}
    binary = bytearray()
    for made, surface in present:
        metres = (to_gltf_axes(surface.vertices - centre) / 1000.0).astype(np.float32)
        small = len(metres) < 65536
        indices = surface.faces.reshape(-1).astype(np.uint16 if small else np.uint32)
        first = _add(document, binary, metres, _VECTORS, bounds=True)
        _add(document, binary, to_gltf_axes(surface.normals), _VECTORS)
        _add(document, binary, indices, (ELEMENT_ARRAY_BUFFER, UINT16 if small else UINT32, "SCALAR"))
        add_organ(document, made, first)
    return bytes(binary)


def _add(
    document: Json, binary: bytearray, array: NDArray[Any], kind: tuple[int, int, str], *, bounds: bool = False
) -> int:
    """Append an array to the binary chunk with its view and accessor; returns the accessor's number."""
    target, component, shape = kind
    raw = np.ascontiguousarray(array).tobytes()
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(raw), "target": target}
    binary += raw + b"\0" * (-len(raw) % 4)
    accessor: Json = {"bufferView": len(document["bufferViews"]), "componentType": component, "type": shape}
    accessor["count"] = len(array)
    if bounds:
        accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
    document["bufferViews"].append(view)
    document["accessors"].append(accessor)
    return len(document["accessors"]) - 1


_WRITERS: Mapping[Compression, Callable[[Json, Sequence[tuple[MeshedOrgan, Mesh]], Floats], bytes]] = {
    "none": _write_plain,
    "quantized": write_quantised,
    "meshopt": write_compressed,
}
