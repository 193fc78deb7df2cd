"""Label maps for measuring: the synthetic abdomen with known surfaces, and real outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.distance import Surface
from shared.geometry import Geometry
from shared.volume import LabelMap


def synthetic(folder: Path, name: str) -> LabelMap:
    """`mesh/mri.npz` or `mesh/ct.npz`: index (x, y, z) times spacing is LPS mm here."""
    with np.load(folder / "mesh" / f"{name}.npz") as archive:
        labels, (dx, dy, dz) = archive["lab"], archive["sp"]
    data = np.ascontiguousarray(labels.transpose(2, 1, 0))
    return LabelMap(data, Geometry.from_spacing(data.shape, (float(dz), float(dy), float(dx))))


def truths(folder: Path) -> dict[int, Surface]:
    """The true surfaces of the synthetic abdomen by label, wound outward."""
    surfaces = {}
    with np.load(folder / "mesh" / "truth.npz") as archive:
        for label in (1, 2, 3):
            vertices, faces = archive[f"v{label}"].astype(float), archive[f"f{label}"]
            surfaces[label] = Surface(vertices, faces if volume(vertices, faces) > 0 else faces[:, ::-1])
    return surfaces


def volume(vertices: NDArray[Any], faces: NDArray[Any]) -> float:
    """Signed volume of a closed surface."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
