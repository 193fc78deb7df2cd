"""What the plain and the compressed GLB have in common: axes, colours, nodes and materials."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.results import MeshedOrgan
from shared.imaging.volume import organ

Json = dict[str, Any]
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
BYTE, UINT16, UINT32, FLOAT = 5120, 5123, 5125, 5126
GREY = (160, 160, 160)
"""The colour of labels the project does not name."""


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


def add_organ(document: Json, made: MeshedOrgan, first: int, transform: Json | None = None) -> None:
    """Add an organ's node, mesh and material; its positions, normals and indices are accessors `first` to `first` + 2.

    `transform` is the node's, where its positions are not metres.
    """
    number = len(document["nodes"])
    attributes = {"POSITION": first, "NORMAL": first + 1}
    primitive = {"attributes": attributes, "indices": first + 2, "material": number, "mode": 4}
    document["nodes"].append(describe(made) | {"mesh": number} | (transform or {}))
    document["meshes"].append({"name": made.name, "primitives": [primitive]})
    document["materials"].append(material(made.label, made.name))
