"""The binary glTF 2.0 file: one named, coloured, to-scale node per organ, in metres with +Y to the head."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import MeshedOrgan
from services.mesher.surface import Floats, Mesh
from shared.volume import organ

Compression = Literal["none", "meshopt"]
Json = dict[str, Any]
GREY = (160, 160, 160)
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_FLOAT, _UINT32, _UINT16 = 5126, 5125, 5123
_VECTORS = (_ARRAY_BUFFER, _FLOAT, "VEC3")


def to_glb(organs: Sequence[MeshedOrgan], provenance: Provenance, compression: Compression = "none") -> bytes:
    """The organs as one GLB; those without a surface have no node, and no organ at all still makes a valid file.

    The plain file uses no extension, float32 positions in metres and no node transform; with "meshopt" attributes are
    quantised (KHR_mesh_quantization) and compressed (EXT_meshopt_compression). Of patient space, LPS mm (x, y, z)
    becomes (x, z, -y) / 1000 after the centre of the common bounding box was subtracted.
    """
    present = [(made, made.mesh) for made in organs if made.mesh is not None]
    centre = common_centre([surface for _, surface in present])
    document = _document(provenance, centre)
    binary = _write_plain(document, present, centre)
    return pack(document, binary)


def common_centre(meshes: Sequence[Mesh]) -> Floats:
    """The centre (3,) of the bounding box of all surfaces, LPS mm; the origin where there is none."""
    if not meshes:
        return np.zeros(3)
    low = np.min([surface.vertices.min(axis=0) for surface in meshes], axis=0)
    high = np.max([surface.vertices.max(axis=0) for surface in meshes], axis=0)
    centre: Floats = (low + high) / 2.0
    return centre


def to_gltf_axes(points: NDArray[Any]) -> NDArray[Any]:
    """LPS vectors (n, 3) turned to glTF's axes: (x, z, -y), a rotation."""
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)


def linear_colour(colour: tuple[int, int, int]) -> list[float]:
    """An sRGB colour (0 to 255) as linear RGBA factors (IEC 61966-2-1), as glTF wants them."""
    srgb = np.array(colour) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [*(round(float(channel), 6) for channel in linear), 1.0]


def describe(made: MeshedOrgan) -> Json:
    """The glTF node of an organ, without its mesh."""
    known = organ(made.label)
    extras: Json = {"label": made.label}
    if known:
        extras |= {"title": known.title, "snomed_ct": known.snomed}
    extras |= {
        "volume_ml": round(made.volume_mesh_ml, 3),
        "surface_cm2": round(made.surface_cm2, 3),
        "watertight": bool(made.checks and made.checks.watertight),
        "touches_border": made.touches_border,
    }
    return {"name": made.name, "extras": extras}


def material(label: int, name: str) -> Json:
    """A matt, coloured PBR material."""
    known = organ(label)
    factors = {
        "baseColorFactor": linear_colour(known.colour if known else GREY),
        "metallicFactor": 0.0,
        "roughnessFactor": 0.55,
    }
    return {"name": name, "pbrMetallicRoughness": factors}


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
    if not present:
        return b""
    document["scenes"][0]["nodes"] = list(range(len(present)))
    document |= {"nodes": [], "meshes": [], "materials": [], "accessors": [], "bufferViews": [], "buffers": [{}]}
    binary = bytearray()
    for number, (made, surface) in enumerate(present):
        metres = (to_gltf_axes(surface.vertices - to_row(centre)) / 1000.0).astype(np.float32)
        small = len(metres) < 65536
        indices = surface.faces.reshape(-1).astype(np.uint16 if small else np.uint32)
        attributes = {
            "POSITION": _add(document, binary, metres, _VECTORS, bounds=True),
            "NORMAL": _add(document, binary, to_gltf_axes(surface.normals), _VECTORS),
        }
        index = _add(document, binary, indices, (_ELEMENT_ARRAY_BUFFER, _UINT16 if small else _UINT32, "SCALAR"))
        primitive = {"attributes": attributes, "indices": index, "material": number, "mode": 4}
        document["nodes"].append(describe(made) | {"mesh": number})
        document["meshes"].append({"name": made.name, "primitives": [primitive]})
        document["materials"].append(material(made.label, made.name))
    return bytes(binary)


def to_row(centre: Floats) -> Floats:
    """A point (3,) as a row (1, 3)."""
    return np.asarray(centre, dtype=np.float64).reshape(1, 3)


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
