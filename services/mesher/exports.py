"""The same surfaces for other programs: STL, OBJ, 3MF, in patient LPS millimetres."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from services.mesher.glb_parts import GREY
from services.mesher.provenance import NOTICE
from services.mesher.results import MeshedOrgan
from services.mesher.surface import Mesh, face_normals
from shared.imaging.volume import organ

_EPOCH = (1980, 1, 1, 0, 0, 0)
_STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])


def to_stl(organs: Sequence[MeshedOrgan]) -> bytes:
    """A binary STL of all surfaces together, mm."""
    records = [_stl_records(made.mesh) for made in organs if made.mesh is not None]
    triangles = np.concatenate(records) if records else np.zeros(0, dtype=_STL)
    header = f"Viscera, LPS mm, {NOTICE}".encode().ljust(80, b"\0")
    return header + np.array([len(triangles)], dtype="<u4").tobytes() + triangles.tobytes()


def _stl_records(mesh: Mesh) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    records = np.zeros(len(mesh.faces), dtype=_STL)
    across = face_normals(mesh.vertices, mesh.faces)
    records["normal"] = across / np.linalg.norm(across, axis=1, keepdims=True)
    records["corners"] = mesh.vertices[mesh.faces]
    return records


def to_obj_zip(organs: Sequence[MeshedOrgan]) -> bytes:
    """A zip of model.obj and model.mtl, one group per organ, mm."""
    lines = [f"# Viscera, LPS mm, {NOTICE}\nmtllib model.mtl\n"]
    materials = []
    first = 1
    for made in organs:
        if made.mesh is None:
            continue
        lines += [f"o {made.name}\nusemtl {made.name}\n", *_obj_lines(made.mesh, first)]
        red, green, blue = (value / 255.0 for value in _colour(made.label))
        materials.append(f"newmtl {made.name}\nKd {red:.4f} {green:.4f} {blue:.4f}\nKs 0.1 0.1 0.1\nNs 30\n")
        first += len(made.mesh.vertices)
    return _zip({"model.obj": "".join(lines), "model.mtl": "\n".join(materials)})


def _obj_lines(mesh: Mesh, first: int) -> list[str]:
    count, faces = len(mesh.vertices), np.repeat(mesh.faces.reshape(-1) + first, 2)
    return [
        ("v %.4f %.4f %.4f\n" * count) % tuple(mesh.vertices.reshape(-1).tolist()),
        ("vn %.4f %.4f %.4f\n" * count) % tuple(mesh.normals.reshape(-1).tolist()),
        ("f %d//%d %d//%d %d//%d\n" * len(mesh.faces)) % tuple(faces.tolist()),
    ]


def to_3mf(organs: Sequence[MeshedOrgan]) -> bytes:
    """A 3MF core package for printing: one coloured object per organ, mm, moved into the positive octant."""
    present = [made for made in organs if made.mesh is not None]
    lows = [made.mesh.vertices.min(axis=0) for made in present if made.mesh is not None]
    shift = -np.min(lows, axis=0) if lows else np.zeros(3)
    place = "1 0 0 0 1 0 0 0 1 " + " ".join(f"{value:.4f}" for value in shift)
    bases = "".join(f'<base name="{m.name}" displaycolor="#{bytes(_colour(m.label)).hex().upper()}"/>' for m in present)
    objects = [_3mf_object(made, number) for number, made in enumerate(present)]
    items = "".join(f'<item objectid="{number + 2}" transform="{place}"/>' for number in range(len(present)))
    palette = f'<basematerials id="1">{bases}</basematerials>' if present else ""
    model = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">'
        f'<metadata name="Application">Viscera</metadata><metadata name="Description">{NOTICE}</metadata>'
        f"<resources>{palette}{''.join(objects)}</resources><build>{items}</build></model>"
    )
    return _zip({"[Content_Types].xml": _3MF_TYPES, "_rels/.rels": _3MF_RELATIONS, "3D/3dmodel.model": model})


def _3mf_object(made: MeshedOrgan, number: int) -> str:
    mesh = made.mesh
    if mesh is None:
        return ""
    vertices = ('<vertex x="%.4f" y="%.4f" z="%.4f"/>' * len(mesh.vertices)) % tuple(mesh.vertices.reshape(-1).tolist())
    faces = ('<triangle v1="%d" v2="%d" v3="%d"/>' * len(mesh.faces)) % tuple(mesh.faces.reshape(-1).tolist())
    return (
        f'<object id="{number + 2}" name="{made.name}" type="model" pid="1" pindex="{number}">'
        f"<mesh><vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh></object>"
    )


_3MF_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_3MF_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rel0" Target="/3D/3dmodel.model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def _colour(label: int) -> tuple[int, int, int]:
    known = organ(label)
    return known.colour if known else GREY


def _zip(members: dict[str, str]) -> bytes:
    """A zip whose bytes depend on its contents only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
