"""A USDZ file of the surfaces, which iPhones and iPads show in the room (AR Quick Look).

The package is a zip without compression whose members begin at multiples of 64 bytes (USDZ specification, OpenUSD). Its
scene is text (usda), so that no library is needed to write it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.mesher.glb import common_centre
from services.mesher.glb.builder import linear_colour, to_gltf_axes
from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh
from shared.arrays import Float64

_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAME = "model.usda"
_LOCAL_HEADER = 30
_ALIGNMENT = 64
_PADDING = 0x1986
"""Id of the extra field that fills the room before a member, as OpenUSD's own writer has it."""


def to_usdz(organs: Sequence[MeshedOrgan], provenance: Provenance) -> bytes:
    """Write the organs as one USDZ: metres, +Y up, one mesh per organ; the axes and the origin are those of `to_glb`.

    The scene is lifted so that its lowest point is at the height 0, where a phone puts the floor or the table.
    """
    return _package(_scene(organs, provenance).encode())


def _scene(organs: Sequence[MeshedOrgan], provenance: Provenance) -> str:
    present = [(organ, organ.mesh) for organ in organs if organ.mesh is not None]
    centre = common_centre([mesh for _, mesh in present])
    points = [to_gltf_axes(mesh.vertices - centre) / 1000.0 for _, mesh in present]
    lift = -min((float(each[:, 1].min()) for each in points), default=0.0)
    names = _prim_names([organ.name for organ, _ in present])
    parts = [_HEAD % (_text(NOTICE), _text(f"Viscera {provenance.software}".strip()), *centre, lift)]
    for (organ, mesh), metres, name in zip(present, points, names, strict=True):
        parts.extend(_organ(organ, mesh, metres, name))
    return "".join([*parts, "}\n"])


def _organ(organ: MeshedOrgan, mesh: Mesh, metres: Float64, name: str) -> Iterator[str]:
    """The mesh of an organ with its material below it."""
    red, green, blue, _ = linear_colour(organ.colour)
    yield _MESH_HEAD % (name, _text(organ.definition.title), organ.volume_voxels_ml, _code(organ))
    yield f"        float3[] extent = [{_vectors(np.stack([metres.min(axis=0), metres.max(axis=0)]), 6)}]\n"
    yield f"        int[] faceVertexCounts = [{', '.join(['3'] * len(mesh.faces))}]\n"
    yield f"        int[] faceVertexIndices = [{', '.join(map(str, mesh.faces.reshape(-1).tolist()))}]\n"
    yield f"        point3f[] points = [{_vectors(metres, 6)}]\n"
    yield f"        normal3f[] normals = [{_vectors(to_gltf_axes(mesh.normals), 3)}] (\n"
    yield '            interpolation = "vertex"\n        )\n'
    yield _MESH_TAIL % (red, green, blue, name, name, red, green, blue)


def _vectors(rows: NDArray[Any], decimals: int) -> str:
    """Vectors (n, 3) as text; six decimals of a metre are a micrometre."""
    number = f"%.{decimals}f"
    pattern = f"({number}, {number}, {number})"
    return ", ".join([pattern] * len(rows)) % tuple(rows.reshape(-1).tolist())


def _code(organ: MeshedOrgan) -> str:
    code = organ.definition.snomed
    return f"            string snomed_ct = {_text(code)}\n" if code else ""


def _text(text: str) -> str:
    """A text in quotation marks; JSON escapes what USD does."""
    return json.dumps("".join(letter if letter.isprintable() else " " for letter in text), ensure_ascii=False)


def _prim_names(names: Sequence[str]) -> list[str]:
    """Identifiers of USD: letters, digits and underscores, no digit first, each one once."""
    found: list[str] = []
    for number, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        plain = f"_{plain}" if not plain or plain[0].isdigit() else plain
        found.append(f"{plain}_{number}" if plain in found else plain)
    return found


def _package(scene: bytes) -> bytes:
    """A zip with one stored member that begins at a multiple of 64 bytes; the same scene gives the same bytes."""
    entry = zipfile.ZipInfo(_NAME, _EPOCH)
    room = -(_LOCAL_HEADER + len(_NAME) + 4) % _ALIGNMENT
    entry.extra = _PADDING.to_bytes(2, "little") + room.to_bytes(2, "little") + bytes(room)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, scene, zipfile.ZIP_STORED)
    return buffer.getvalue()


_HEAD = """#usda 1.0
(
    customLayerData = {
        string notice = %s
        string creator = %s
        double3 center_lps_mm = (%.6f, %.6f, %.6f)
    }
    defaultPrim = "organs"
    metersPerUnit = 1
    upAxis = "Y"
)

def Xform "organs" (
    kind = "component"
)
{
    double3 xformOp:translate = (0, %.6f, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
"""
_MESH_HEAD = """
    def Mesh "%s" (
        displayName = %s
        customData = {
            double volume_ml = %.3f
%s        }
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {
        uniform token subdivisionScheme = "none"
        uniform token orientation = "rightHanded"
"""
_MESH_TAIL = """        color3f[] primvars:displayColor = [(%.6f, %.6f, %.6f)]
        rel material:binding = </organs/%s/Material>

        def Material "Material"
        {
            token outputs:surface.connect = </organs/%s/Material/Surface.outputs:surface>

            def Shader "Surface"
            {
                uniform token info:id = "UsdPreviewSurface"
                color3f inputs:diffuseColor = (%.6f, %.6f, %.6f)
                float inputs:metallic = 0
                float inputs:roughness = 0.55
                token outputs:surface
            }
        }
    }
"""
