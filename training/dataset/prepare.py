"""Reads the sources of training data as cases: competition folders, labelled slices, figures, NIfTI pairs, outlines."""

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

from shared.arrays import UInt8
from shared.imaging.formats import read_scan
from shared.imaging.geometry import Geometry, to_axial
from shared.imaging.volume import ORGANS, Modality
from training.dataset.cases import IGNORE, Case, Kind, patient_of
from training.dataset.rle import decode

SLICE_MM = 3.0
SIZES = {80: ((276, 276), (266, 266)), 144: ((266, 266), (234, 234), (310, 360))}
"""Number of slices -> possible (rows, columns) of the data set's scans."""
Codes = dict[tuple[str, int], dict[str, str]]
"""(scan, slice number) -> organ name -> run-length code."""
FILE_NAME = re.compile(r"slice_(\d+)_\d+_\d+_([\d.]+)_([\d.]+)\.png$")
"""Slice number, width, height, and pixel width and height in mm."""


def read_outlines(path: Path) -> Codes:
    """The outlines of the competition's train.csv."""
    codes: Codes = defaultdict(dict)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            scan, number = row["id"].rsplit("_slice_", 1)
            codes[scan, int(number)][row["class"]] = row["segmentation"] or ""
    return dict(codes)


def decode_labels(organs: dict[str, str], rows: int, columns: int) -> UInt8:
    """Labels (rows, columns) of one slice; where outlines overlap, the higher label id wins."""
    labels = np.zeros((rows, columns), dtype=np.uint8)
    for organ in ORGANS:
        labels[decode(organs.get(organ.name, ""), rows, columns)] = organ.id
    return labels


def competition(root: Path, codes: Codes, first_seen: dict[str, int] | None = None) -> Iterator[Case]:
    """Each `scans` folder below `root`, in the competition's layout, as one case.

    The labels of a scan without outlines are unknown, except above `first_seen`, the number of the first slice that
    shows an organ: those are background.
    """
    for folder in sorted(path for path in root.rglob("scans") if path.is_dir()):
        paths = sorted(folder.glob("*.png"), key=lambda path: _numbers(path)[0])
        if paths:
            yield _read_scan(folder, paths, codes, (first_seen or {}).get(folder.parent.name, 0))


def _numbers(path: Path) -> tuple[int, float, float]:
    match = FILE_NAME.search(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not named like a slice of the competition")
    return int(match[1]), float(match[2]), float(match[3])


def _read_scan(folder: Path, paths: list[Path], codes: Codes, first_seen: int) -> Case:
    name = folder.parent.name
    data = np.stack([read_picture(path) for path in paths])
    outlined = any(scan == name for scan, _ in codes)
    labels = np.full(data.shape, 0 if outlined else IGNORE, dtype=np.uint8)
    for index, path in enumerate(paths):
        organs = codes.get((name, _numbers(path)[0]))
        if organs:
            labels[index] = decode_labels(organs, *data.shape[1:])
        elif _numbers(path)[0] < first_seen:
            labels[index] = 0
    _, dx, dy = _numbers(paths[0])
    kind: Kind = "volume" if outlined else "unlabelled"
    return Case(name, patient_of(name), kind, "MR", (SLICE_MM, dy, dx), data, labels)


def read_picture(path: Path) -> NDArray[Any]:
    """A PNG as grey levels (rows, columns), 8 or 16 bit as stored; ValueError if it can't be decoded."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path.name} can't be read as a picture")
    return image if image.ndim == 2 else image[..., 0]


def labelled_slices(folder: Path, field_mm: dict[str, tuple[float, float]]) -> Iterator[Case]:
    """Files of equal names in `images/` and `labels/`, one case per slice.

    `field_mm` maps a prefix of the name to the field of view (height, width) in mm; "" is for all others.
    """
    for path in sorted((folder / "images").glob("*.png")):
        data, labels = read_picture(path), read_picture(folder / "labels" / path.name)
        height, width = next(field_mm[key] for key in sorted(field_mm, reverse=True) if path.stem.startswith(key))
        spacing = (SLICE_MM, height / data.shape[0], width / data.shape[1])
        yield Case(path.stem, patient_of(path.stem), "slices", "MR", spacing, data[None], labels[None])


def figure_slices(folder: Path) -> Iterator[Case]:
    """Single slices from published figures: `images/`, `labels/` and `index.csv`, one case per slice.

    The patient is the one that the index names for the group, otherwise the group itself. The pixel size is the
    index's; most are estimates.
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
    """A scan in any served format and a NIfTI label map, both reoriented to the axial view.

    Raises ValueError if the two do not share a grid then.
    """
    import nibabel as nib

    volume = read_scan(image)
    turn = to_axial(volume.geometry)
    label_map: Any = nib.load(labels)
    ids = np.asarray(label_map.dataobj).T.astype(np.uint8)
    label_turn = to_axial(Geometry.from_ras((ids.shape[0], ids.shape[1], ids.shape[2]), label_map.affine))
    if label_turn.target != turn.target:
        raise ValueError(f"{labels.name} is not on the grid of {image.name}")
    name = image.name.split(".")[0]
    data, ids = turn.apply(volume.data), label_turn.apply(ids)
    return Case(name, name, "volume", modality, turn.target.spacing, np.ascontiguousarray(data), ids)


def shapes(codes: Codes, sizes: dict[int, tuple[tuple[int, int], ...]] = SIZES) -> Iterator[Case]:
    """Outlines without images, one case of kind "shape" per scan; `sizes` as in SIZES."""
    scans: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for (scan, number), organs in codes.items():
        scans[scan][number] = organs
    for scan, numbered in sorted(scans.items()):
        rows, columns = _likely_size(numbered, sizes[len(numbered)])
        labels = np.stack([decode_labels(numbered[number], rows, columns) for number in sorted(numbered)])
        yield Case(scan, patient_of(scan), "shape", "MR", (SLICE_MM, 1.5, 1.5), labels, labels)


def _likely_size(numbered: dict[int, dict[str, str]], sizes: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """The size at which neighbouring rows of the outlines differ least: a wrong width shears the outlines."""
    costs = {}
    for rows, columns in sizes:
        try:
            masks = [decode_labels(organs, rows, columns) > 0 for organs in numbered.values() if any(organs.values())]
        except ValueError:
            continue  # a run does not fit into an image of this size
        costs[rows, columns] = sum(int(np.diff(mask.astype(np.int8), axis=0).astype(bool).sum()) for mask in masks)
    return min(costs, key=lambda size: costs[size])
