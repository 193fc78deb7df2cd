"""Label maps for measuring: the synthetic abdomen with known surfaces, and real outlines."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
from numpy.typing import NDArray

from bench.distance import Surface
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap


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


SIZES = ((360, 310, 144), (266, 266, 144), (234, 234, 144), (276, 276, 80))
"""Width, height and slices of the UW-Madison volumes; the outlines' file does not say which one is which."""


def outlines(folder: Path) -> Iterator[tuple[str, LabelMap]]:
    """The volumes of `uwm/train_masks.csv`, higher labels over lower, at 1.5 x 1.5 x 3 mm."""
    volumes: dict[str, list[tuple[int, int, NDArray[np.int64]]]] = defaultdict(list)
    names = {"stomach": 1, "small_bowel": 2, "large_bowel": 3}
    with (folder / "uwm" / "train_masks.csv").open() as lines:
        for row in csv.DictReader(lines):
            case, number = row["id"].split("_slice_")
            runs = np.array(row["segmentation"].split(), dtype=np.int64).reshape(-1, 2)
            volumes[case].append((int(number) - 1, names[row["class"]], runs))
    for case, rows in volumes.items():
        yield case, _decode(rows)


def _decode(rows: list[tuple[int, int, NDArray[np.int64]]]) -> LabelMap:
    slices = max(number for number, _, _ in rows) + 1
    starts = [runs[:, 0] for _, _, runs in rows if len(runs) > 4]
    step = np.concatenate([np.diff(start) for start in starts])
    width, height = min(((w, h) for w, h, n in SIZES if n == slices), key=lambda size: _raggedness(step, size[0]))
    data = np.zeros((slices, height * width), dtype=np.uint8)
    for number, label, runs in sorted(rows, key=lambda row: row[1]):
        for start, length in runs:
            data[number, start - 1 : start - 1 + length] = label
    shape = (slices, height, width)
    return LabelMap(data.reshape(shape), Geometry.from_spacing(shape, (3.0, 1.5, 1.5), (1, 1, -1)))


def _raggedness(step: NDArray[np.int64], width: int) -> float:
    return float(np.median(np.abs((step + width // 2) % width - width // 2)))


def case139(folder: Path) -> LabelMap:
    """The true outlines of `uwm/case139_day0`."""
    files = sorted((folder / "uwm" / "case139_day0" / "labels").glob("*.png"))
    data = np.stack([cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files]).astype(np.uint8)
    return LabelMap(data, Geometry.from_spacing(data.shape, (3.0, 1.5, 1.5), (1, 1, -1)))


def nifti_labels(path: Path, ids: dict[int, int] | None = None) -> LabelMap:
    """A NIfTI label map, its ids turned by `ids` where given (others become 0)."""
    image = nibabel.load(path)
    data = np.asarray(image.dataobj).astype(np.int64).transpose(2, 1, 0)
    if ids:
        table = np.zeros(int(data.max()) + 1, dtype=np.uint8)
        for old, new in ids.items():
            if old < len(table):
                table[old] = new
        data = table[data]
    return LabelMap(data.astype(np.uint8), Geometry.from_ras(data.shape, image.affine))


TOTALSEGMENTATOR = {6: 1, 18: 2, 19: 2, 20: 3}
"""Its ids (version 2) of stomach, small bowel, duodenum and colon, as ours."""


def real(folder: Path) -> Iterator[tuple[str, LabelMap]]:
    """Every real label map at hand."""
    yield "case139_day0", case139(folder)
    yield "example_ct", nifti_labels(folder / "ct" / "example_ct_organs.nii.gz")
    yield (
        "example_ct_dicom",
        nifti_labels(folder / "ct" / "example_ct_dicom_totalseg_v2_labels.nii.gz", TOTALSEGMENTATOR),
    )
    yield from outlines(folder)
