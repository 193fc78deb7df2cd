"""STL, OBJ and 3MF files of the surfaces, in patient LPS millimetres."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from services.mesher.provenance import NOTICE
from services.mesher.results import MeshedOrgan
from services.mesher.surface.mesh import Mesh, face_normals

_LEVEL = 4
"""Of deflate: less than half the time of the usual 6, and 7 % more bytes."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_STL = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])


def to_stl(organs: Sequence[MeshedOrgan]) -> bytes:
    """A binary STL of all surfaces together, mm."""
    records = [_stl_records(organ.mesh) for organ in organs if organ.mesh is not None]
    triangles = np.concatenate(records) if records else np.zeros(0, dtype=_STL)
    header = f"Viscera, LPS mm, {NOTICE}".encode().ljust(80, b"\0")
    return header + np.array([len(triangles)], dtype="<u4").tobytes() + triangles.tobytes()


def _stl_records(mesh: Mesh) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    records = np.zeros(len(mesh.faces), dtype=_STL)
    normals = face_normals(mesh.vertices, mesh.faces)
    records["normal"] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    records["corners"] = mesh.vertices[mesh.faces]
    return records


def to_obj_zip(organs: Sequence[MeshedOrgan]) -> bytes:
    """A zip of model.obj and model.mtl, one group per organ, mm."""
    shape, materials = to_obj(organs)
    return _zip({"model.obj": shape, "model.mtl": materials})


def to_obj(organs: Sequence[MeshedOrgan]) -> tuple[str, str]:
    """An OBJ and its material library model.mtl, one group per organ, mm."""
    lines = [f"# Viscera, LPS mm, {NOTICE}\nmtllib model.mtl\n"]
    materials = []
    first = 1
    for organ in organs:
        if organ.mesh is None:
            continue
        lines += [f"o {organ.name}\nusemtl {organ.name}\n", *_obj_lines(organ.mesh, first)]
        red, green, blue = (value / 255.0 for value in organ.colour)
        materials.append(f"newmtl {organ.name}\nKd {red:.4f} {green:.4f} {blue:.4f}\nKs 0.1 0.1 0.1\nNs 30\n")
        first += len(organ.mesh.vertices)
    return "".join(lines), "\n".join(materials)


def _obj_lines(mesh: Mesh, first: int) -> list[str]:
    count, faces = len(mesh.vertices), np.repeat(mesh.faces.reshape(-1) + first, 2)
    return [
        ("v %.4f %.4f %.4f\n" * count) % tuple(mesh.vertices.reshape(-1).tolist()),
        ("vn %.4f %.4f %.4f\n" * count) % tuple(mesh.normals.reshape(-1).tolist()),
        ("f %d//%d %d//%d %d//%d\n" * len(mesh.faces)) % tuple(faces.tolist()),
    ]


def to_3mf(organs: Sequence[MeshedOrgan]) -> bytes:
    """A 3MF core package for printing: one coloured object per organ, mm, moved into the positive octant."""
    present = [organ for organ in organs if organ.mesh is not None]
    lows = [organ.mesh.vertices.min(axis=0) for organ in present if organ.mesh is not None]
    shift = -np.min(lows, axis=0) if lows else np.zeros(3)
    transform = "1 0 0 0 1 0 0 0 1 " + " ".join(f"{value:.4f}" for value in shift)
    bases = "".join(f'<base name="{m.name}" displaycolor="#{bytes(m.colour).hex().upper()}"/>' for m in present)
    objects = [_3mf_object(organ, number) for number, organ in enumerate(present)]
    items = "".join(f'<item objectid="{number + 2}" transform="{transform}"/>' for number in range(len(present)))
    palette = f'<basematerials id="1">{bases}</basematerials>' if present else ""
    model = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">'
        f'<metadata name="Application">Viscera</metadata><metadata name="Description">{NOTICE}</metadata>'
        f"<resources>{palette}{''.join(objects)}</resources><build>{items}</build></model>"
    )
    return _zip({"[Content_Types].xml": _3MF_TYPES, "_rels/.rels": _3MF_RELATIONS, "3D/3dmodel.model": model})


def _3mf_object(organ: MeshedOrgan, number: int) -> str:
    mesh = organ.mesh
    if mesh is None:
        return ""
    vertices = ('<vertex x="%.4f" y="%.4f" z="%.4f"/>' * len(mesh.vertices)) % tuple(mesh.vertices.reshape(-1).tolist())
    faces = ('<triangle v1="%d" v2="%d" v3="%d"/>' * len(mesh.faces)) % tuple(mesh.faces.reshape(-1).tolist())
    return (
        f'<object id="{number + 2}" name="{organ.name}" type="model" pid="1" pindex="{number}">'
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


def _zip(members: dict[str, str]) -> bytes:
    """A zip with fixed timestamps, so that its bytes depend on its contents only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()
