"""Writes the body by formula: `python -P -m services.mesher.body` makes the page's GLB again.

With `FILE.nii.gz` it writes the body's scan instead. A test compares the page's file with the formula.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial import cKDTree

from services.mesher.core import mesh
from services.mesher.glb.nested import PartedOrgan, part_of, to_nested_glb
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgan, Quality
from services.mesher.surface.mesh import Mesh
from shared.arrays import Float64, UInt8
from shared.imaging.body import Body, body, grid_of
from shared.imaging.body.parts import PARTS, Part
from shared.imaging.body.scan import SCAN_GRID, scan
from shared.imaging.geometry import Geometry
from shared.imaging.volume import Organ

FILE = Path("services/api/web/src/learn/body.glb")
_SPACING = 1.25
"""Millimetres of the voxels from which the surfaces are made: folds and haustra need two or more of them."""


def body_glb(spacing: float = _SPACING, quality: Quality = "standard") -> bytes:
    """Return the body by formula as a GLB: organs as nodes, their parts as child nodes, organs around them.

    `spacing` is that of the voxels in mm.
    """
    shape = body(grid_of(spacing))
    meshed = mesh(shape.everything, quality)
    return to_nested_glb([_parted(organ, shape) for organ in meshed.organs], Provenance())


def _parted(organ: MeshedOrgan, shape: Body) -> PartedOrgan:
    parts = [part for part in PARTS if part.organ == organ.label]
    if not parts or organ.mesh is None:
        return PartedOrgan(organ)
    ids = _part_ids(organ.mesh, shape, [part.id for part in parts])
    inside = shape.parts[shape.labels.data == organ.label]
    found = []
    for number, part in enumerate(parts):
        volume = float((inside == part.id).sum()) * shape.labels.geometry.voxel_ml
        found.append(part_of(organ, _definition(part, organ, number), np.flatnonzero(ids == part.id), volume))
    return PartedOrgan(organ, tuple(found))


def _part_ids(surface: Mesh, shape: Body, ids: list[int]) -> UInt8:
    """The part (m,) of each face; a face at whose voxel another organ is nearer is in the part of the next face."""
    middles = surface.vertices[surface.faces].mean(axis=1)
    found = _values_at(shape.parts, shape.labels.geometry, middles)
    is_own = np.isin(found, ids)
    _, nearest = cKDTree(middles[is_own]).query(middles[~is_own])
    found[~is_own] = found[is_own][nearest]
    return found


def _values_at(data: UInt8, grid: Geometry, points: Float64) -> UInt8:
    column, row, slice_ = np.rint(grid.to_index(points)).astype(int).T
    values: UInt8 = data[slice_, row, column]
    return values


def _definition(part: Part, organ: MeshedOrgan, number: int) -> Organ:
    """The part's node, in a shade of its organ's colour; parts that touch alternate between light and dark."""
    strength = 0.14 if number % 2 else -0.1
    towards = 255.0 if strength > 0 else 0.0
    red, green, blue = (round(value + abs(strength) * (towards - value)) for value in organ.colour)
    return Organ(part.id, part.name, part.title, None, (red, green, blue))


def scan_nifti(grid: Geometry) -> bytes:
    """Return the MR-like scan of the body on an axial grid as a compressed NIfTI file."""
    volume = scan(grid).volume
    return gzip.compress(nib.Nifti1Image(volume.data.T, volume.geometry.ras).to_bytes(), mtime=0)


def main(target: Path) -> None:
    """Write the scan to a file whose name ends in .nii.gz, the GLB to any other."""
    target.write_bytes(scan_nifti(SCAN_GRID) if target.name.endswith(".nii.gz") else body_glb())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
