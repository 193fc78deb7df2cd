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

from shared.formats import read_scan
from shared.geometry import Geometry, to_axial
from shared.volume import ORGANS, Modality
from training.cases import UNKNOWN, Case, patient_of
from training.rle import decode

SLICE_MM = 3.0
SIZES = {80: ((276, 276), (266, 266)), 144: ((266, 266), (234, 234), (310, 360))}
"""(rows, columns) of the data set's scans by their count of slices."""
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


def competition(root: Path, codes: Codes, first_seen: dict[str, int] | None = None) -> Iterator[Case]:
    """Every `scans` folder below `root`, in the competition's layout, as one case.

    Of scans without outlines nothing is known but `first_seen`: above this slice number there is no organ.
    """
    for folder in sorted(path for path in root.rglob("scans") if path.is_dir()):
        pictures = sorted(folder.glob("*.png"), key=lambda path: _numbers(path)[0])
        if pictures:
            yield _one_scan(folder, pictures, codes, (first_seen or {}).get(folder.parent.name, 0))


def _numbers(path: Path) -> tuple[int, float, float]:
    found = PICTURE.search(path.name)
    if found is None:
        raise ValueError(f"{path.name} is not named like a slice of the competition")
    return int(found[1]), float(found[2]), float(found[3])


def _one_scan(folder: Path, pictures: list[Path], codes: Codes, first_seen: int) -> Case:
    name = folder.parent.name
    data = np.stack([read_picture(path) for path in pictures])
    known = any(scan == name for scan, _ in codes)
    labels = np.full(data.shape, 0 if known else UNKNOWN, dtype=np.uint8)
    for index, path in enumerate(pictures):
        organs = codes.get((name, _numbers(path)[0]))
        if organs:
            labels[index] = paint(organs, *data.shape[1:])
        elif _numbers(path)[0] < first_seen:
            labels[index] = 0
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


def figure_slices(folder: Path) -> Iterator[Case]:
    """Single slices cut out of published figures: `images/`, `labels/` and `index.csv`, one case per slice.

    The patient is the one named in the index, otherwise the figure's group of slices; the pixel size is the index's,
    mostly a guess.
    """
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    named = ((row["group"], row["case"] or row["matched_case"]) for row in rows)
    patients = {group: patient_of(name) for group, name in named if name}
    for row in rows:
        data, labels = (read_picture(folder / part / f"{row['name']}.png") for part in ("images", "labels"))
        spacing = (SLICE_MM, float(row["spacing_mm"]), float(row["spacing_mm"]))
        patient = patients.get(row["group"], row["group"])
        yield Case(row["name"], patient, "slices", "MR", spacing, data[None], labels[None])


def scan_pair(image: Path, labels: Path, modality: Modality) -> Case:
    """A scan that serving can read, with a NIfTI label map of the same grid (its axes may run otherwise).

    Both are turned to the axial view; ValueError if they then lie in different places.
    """
    import nibabel as nib

    volume = read_scan(image)
    turn = to_axial(volume.geometry)
    marks: Any = nib.load(labels)
    ids = np.asarray(marks.dataobj).T.astype(np.uint8)
    label_turn = to_axial(Geometry.from_ras((ids.shape[0], ids.shape[1], ids.shape[2]), marks.affine))
    if label_turn.target != turn.target:
        raise ValueError(f"{labels.name} does not lie on the grid of {image.name}")
    name = image.name.split(".")[0]
    data, ids = turn.apply(volume.data), label_turn.apply(ids)
    return Case(name, name, "volume", modality, turn.target.spacing, np.ascontiguousarray(data), ids)


def shapes(codes: Codes, sizes: dict[int, tuple[tuple[int, int], ...]] = SIZES) -> Iterator[Case]:
    """Outlines without images, one case per scan; `sizes` says which (rows, columns) a count of slices can have."""
    scans: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for (scan, number), organs in codes.items():
        scans[scan][number] = organs
    for scan, numbered in sorted(scans.items()):
        rows, columns = _likeliest(numbered, sizes[len(numbered)])
        labels = np.stack([paint(numbered[number], rows, columns) for number in sorted(numbered)])
        yield Case(scan, patient_of(scan), "shape", "MR", (SLICE_MM, 1.5, 1.5), labels, labels)


def _likeliest(numbered: dict[int, dict[str, str]], sizes: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """The size at which neighbouring rows of the outlines are most alike: a wrong width shears them apart."""
    costs = {}
    for rows, columns in sizes:
        try:
            painted = [paint(organs, rows, columns) > 0 for organs in numbered.values() if any(organs.values())]
        except ValueError:
            continue  # a run leaves an image of this size
        costs[rows, columns] = sum(int(np.diff(one.astype(np.int8), axis=0).astype(bool).sum()) for one in painted)
    return min(costs, key=lambda size: costs[size])
