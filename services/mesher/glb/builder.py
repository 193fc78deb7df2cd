"""Builds a binary glTF 2.0 file: nodes, meshes, materials, accessors, buffer views and the binary chunk."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import MeshedOrgan
from shared.arrays import Float64

Json = dict[str, Any]
BYTE, UINT16, UINT32, FLOAT = 5120, 5123, 5125, 5126
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
MESHOPT = "EXT_meshopt_compression"


@dataclass(frozen=True, slots=True)
class Values:
    """The type of an accessor: a component type and "VEC3" or "SCALAR"; scalars are vertex indices."""

    component: int
    shape: str
    normalized: bool = False

    @property
    def target(self) -> int:
        """The kind of buffer that holds the values."""
        return _ARRAY_BUFFER if self.shape == "VEC3" else _ELEMENT_ARRAY_BUFFER


@dataclass(frozen=True, slots=True)
class Encoded:
    """Values encoded for EXT_meshopt_compression: the bytes, and the count and bytes of the decoded elements."""

    content: bytes
    count: int
    stride: int
    mode: str
    filter: str = "NONE"


class GltfBuilder:
    """One GLB in progress; every method that adds something returns its number where others refer to it.

    `centre` (3,) in LPS mm is the origin of the scene, `extensions` are those that a viewer must know.
    """

    def __init__(self, provenance: Provenance, centre: Float64, extensions: Sequence[str] = ()) -> None:
        self.centre = centre
        self.required = list(extensions)
        self.optional: list[str] = []
        self.nodes: list[Json] = []
        self.meshes: list[Json] = []
        self.materials: list[Json] = []
        self.scene: list[int] | None = None
        self._provenance = provenance
        self._accessors: list[Json] = []
        self._views: list[Json] = []
        self._binary = bytearray()
        self._decoded = 0

    def metres(self, vertices: Float64) -> Float64:
        """Vertices (n, 3) in LPS mm as positions in the scene: metres from the centre, along the axes of glTF."""
        return to_gltf_axes(vertices - self.centre) / 1000.0

    def add_array(self, array: NDArray[Any], values: Values, bounds: NDArray[Any] | None = None) -> int:
        """Append `array` with its buffer view and accessor; rows longer than their values are padded to a stride.

        `bounds` (n, 3) are the values whose minimum and maximum the accessor names.
        """
        raw = np.ascontiguousarray(array).tobytes()
        view: Json = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(raw)}
        if array.ndim > 1 and array.shape[1] > 3:
            view["byteStride"] = array.strides[0]
        self._views.append(view | {"target": values.target})
        self._append(raw)
        return self._add_accessor(len(array), values, bounds)

    def add_encoded(self, encoded: Encoded, values: Values, bounds: NDArray[Any] | None = None) -> int:
        """As `add_array`, for encoded values.

        The view points into buffer 1, which has no bytes: it is as large as the decoded values, as the extension asks.
        """
        compression: Json = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(encoded.content)}
        compression |= {"byteStride": encoded.stride, "count": encoded.count, "mode": encoded.mode}
        if encoded.filter != "NONE":
            compression["filter"] = encoded.filter
        size = encoded.count * encoded.stride
        view: Json = {"buffer": 1, "byteOffset": self._decoded, "byteLength": size}
        if encoded.mode == "ATTRIBUTES":
            view["byteStride"] = encoded.stride
        self._views.append(view | {"target": values.target, "extensions": {MESHOPT: compression}})
        self._decoded += size
        self._append(encoded.content)
        return self._add_accessor(encoded.count, values, bounds)

    def _append(self, raw: bytes) -> None:
        self._binary += raw + b"\0" * (-len(raw) % 4)

    def _add_accessor(self, count: int, values: Values, bounds: NDArray[Any] | None) -> int:
        accessor: Json = {"bufferView": len(self._views) - 1, "componentType": values.component, "type": values.shape}
        accessor["count"] = count
        if bounds is not None:
            accessor |= {"min": bounds.min(axis=0).tolist(), "max": bounds.max(axis=0).tolist()}
        if values.normalized:
            accessor["normalized"] = True
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def add_organ(self, organ: MeshedOrgan, accessors: tuple[int, int, int], transform: Json | None = None) -> None:
        """Add the node, mesh and material of an organ, from the accessors of its positions, normals and indices.

        `transform` is that of the node, where positions are not metres.
        """
        number = len(self.meshes)
        position, normal, indices = accessors
        primitive = {"attributes": {"POSITION": position, "NORMAL": normal}, "indices": indices}
        primitive |= {"material": number, "mode": 4}
        self.nodes.append(_node(organ) | {"mesh": number} | (transform or {}))
        self.meshes.append({"name": organ.name, "primitives": [primitive]})
        self.materials.append(_material(organ))

    def add_parent(self, organ: MeshedOrgan, children: Sequence[int]) -> int:
        """Add the node of an organ whose parts are the nodes `children`; it has no surface of its own."""
        self.nodes.append(_node(organ) | {"children": list(children)})
        return len(self.nodes) - 1

    def to_bytes(self) -> bytes:
        """The GLB; without a node it has no binary chunk."""
        extras = {
            "models": [{"name": name, "sha256": digest} for name, digest in self._provenance.models],
            "software": self._provenance.software,
            "center_lps_mm": [float(value) for value in self.centre],
            "notice": NOTICE,
        }
        generator = f"Viscera {self._provenance.software}".strip()
        document: Json = {"asset": {"version": "2.0", "generator": generator, "extras": extras}}
        document |= {"scene": 0, "scenes": [{"name": "organs"}]}
        if self.nodes:
            self._add_content(document)
        return _pack(document, bytes(self._binary))

    def _add_content(self, document: Json) -> None:
        scene = list(range(len(self.nodes))) if self.scene is None else self.scene
        document["scenes"][0]["nodes"] = scene
        if self.required or self.optional:
            document["extensionsUsed"] = [*self.required, *self.optional]
        if self.required:
            document["extensionsRequired"] = self.required
        document |= {"nodes": self.nodes, "meshes": self.meshes, "materials": self.materials}
        document |= {"accessors": self._accessors, "bufferViews": self._views}
        document["buffers"] = [{"byteLength": len(self._binary)}]
        if self._decoded:
            document["buffers"].append({"byteLength": self._decoded, "extensions": {MESHOPT: {"fallback": True}}})


def to_gltf_axes(points: NDArray[Any]) -> NDArray[Any]:
    """Turn LPS vectors (n, 3) to the axes of glTF: (x, z, -y), a rotation."""
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)


def _node(organ: MeshedOrgan) -> Json:
    extras: Json = {"label": organ.label, "title": organ.definition.title}
    if organ.definition.snomed:
        extras["snomed_ct"] = organ.definition.snomed
    extras |= {
        "volume_ml": round(organ.volume_voxels_ml, 3),
        "surface_cm2": round(organ.surface_cm2, 3),
        "watertight": bool(organ.checks and organ.checks.watertight),
        "touches_border": organ.touches_border,
        "part_seen": organ.part_seen,
    }
    return {"name": organ.name, "extras": extras}


def _material(organ: MeshedOrgan) -> Json:
    """A matt PBR material."""
    factors = {"baseColorFactor": linear_colour(organ.colour), "metallicFactor": 0.0, "roughnessFactor": 0.55}
    return {"name": organ.name, "pbrMetallicRoughness": factors}


def linear_colour(colour: tuple[int, int, int]) -> list[float]:
    """Return an sRGB colour (0 to 255) as linear RGBA factors (IEC 61966-2-1)."""
    srgb = np.array(colour) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [*(round(float(channel), 6) for channel in linear), 1.0]


def _pack(document: Json, binary: bytes) -> bytes:
    """The GLB container of a glTF document and its binary chunk (none where it is empty)."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
