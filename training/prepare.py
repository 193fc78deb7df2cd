"""Bring scans with outlines into one form: competition folders, folders of labelled slices, NIfTI pairs, outlines."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.geometry import Geometry, to_axial
from shared.volume import ORGANS, Modality
from training.cases import UNKNOWN, Case, patient_of
from training.rle import decode

SLICE_MM = 3.0
Codes = dict[tuple[str, int], dict[str, str]]
PICTURE = re.compile(r"slice_(\d+)_\d+_\d+_([\d.]+)_([\d.]+)\.png$")


def read_outlines(path: Path) -> Codes:
    """The competition's train.csv: (scan, slice number) -> organ name -> run-length code."""
    codes: Codes = defaultdict(dict)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            scan, number = row["id"].rsplit("_slice_", 1)
            codes[scan, int(number)][row["class"]] = row["segmentation"] or ""
    return dict(codes)


def paint(organs: dict[str, str], rows: int, columns: int) -> NDArray[np.uint8]:
    """One label per pixel (rows, columns); where outlines overlap, the higher label id wins."""
    labels = np.zeros((rows, columns), dtype=np.uint8)
    for organ in ORGANS:
        labels[decode(organs.get(organ.name, ""), rows, columns)] = organ.id
    return labels


def competition(root: Path, codes: Codes) -> Iterator[Case]:
    """Every `scans` folder below `root`, in the competition's layout, as one case."""
    for folder in sorted(path for path in root.rglob("scans") if path.is_dir()):
        pictures = sorted(folder.glob("*.png"), key=lambda path: _numbers(path)[0])
        if pictures:
            yield _one_scan(folder, pictures, codes)


def _numbers(path: Path) -> tuple[int, float, float]:
    found = PICTURE.search(path.name)
    if found is None:
        raise ValueError(f"{path.name} is not named like a slice of the competition")
    return int(found[1]), float(found[2]), float(found[3])


def _one_scan(folder: Path, pictures: list[Path], codes: Codes) -> Case:
    name = folder.parent.name
    data = np.stack([read_picture(path) for path in pictures])
    known = any(scan == name for scan, _ in codes)
    labels = np.full(data.shape, 0 if known else UNKNOWN, dtype=np.uint8)
    for index, path in enumerate(pictures):
        organs = codes.get((name, _numbers(path)[0]))
        if organs:
            labels[index] = paint(organs, *data.shape[1:])
    _, dx, dy = _numbers(pictures[0])
    return Case(name, patient_of(name), "volume" if known else "unlabelled", "MR", (SLICE_MM, dy, dx), data, labels)


def read_picture(path: Path) -> NDArray[Any]:
    """A PNG as grey levels (rows, columns), 8 or 16 bit as it is stored."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path.name} can't be read as a picture")
    return image if image.ndim == 2 else image[..., 0]


def labelled_slices(folder: Path, field_mm: dict[str, tuple[float, float]]) -> Iterator[Case]:
    """`images/` and `labels/` with equal names; `field_mm` gives (height, width) by name's beginning, "" for the rest.

    Each slice is a case of its own: nothing is known of its neighbours.
    """
    for path in sorted((folder / "images").glob("*.png")):
        data, labels = read_picture(path), read_picture(folder / "labels" / path.name)
        height, width = next(field_mm[key] for key in sorted(field_mm, reverse=True) if path.stem.startswith(key))
        spacing = (SLICE_MM, height / data.shape[0], width / data.shape[1])
        yield Case(path.stem, patient_of(path.stem), "slices", "MR", spacing, data[None], labels[None])


def nifti_pair(image: Path, labels: Path, modality: Modality) -> Case:
    """A NIfTI scan with its label map on the same grid, turned to the axial view."""
    import nibabel as nib

    picture: Any = nib.load(image)
    marks: Any = nib.load(labels)
    data, ids = np.asarray(picture.dataobj).T, np.asarray(marks.dataobj).T.astype(np.uint8)
    shape = (int(data.shape[0]), int(data.shape[1]), int(data.shape[2]))
    turn = to_axial(Geometry.from_ras(shape, picture.affine))
    name = image.name.split(".")[0]
    return Case(name, name, "volume", modality, turn.target.spacing, turn.apply(data), turn.apply(ids))


def shapes(codes: Codes, sizes: tuple[tuple[int, int], ...] = ((266, 266), (276, 276))) -> Iterator[Case]:
    """Outlines without images, one case per scan; scans of 80 slices are 276 x 276."""
    scans: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for (scan, number), organs in codes.items():
        scans[scan][number] = organs
    for scan, numbered in sorted(scans.items()):
        rows, columns = sizes[len(numbered) <= 80]
        labels = np.stack([paint(numbered[number], rows, columns) for number in sorted(numbered)])
        yield Case(scan, patient_of(scan), "shape", "MR", (SLICE_MM, 1.5, 1.5), labels, labels)


def held_out(patient: str, every: int = 5) -> bool:
    """Whether a patient belongs to the validation part: the same answer on every machine, by the patient's name."""
    import hashlib

    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % every == 0
