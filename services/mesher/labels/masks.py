"""Reads a folder with one binary mask per organ, as TotalSegmentator writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.mesher.labels.names import read_head
from shared.arrays import Bool
from shared.errors import MixedSeries, NotAScan, UnsupportedScan
from shared.imaging.formats import read_scan
from shared.imaging.label_table import label_set, named
from shared.imaging.label_values import to_labels
from shared.imaging.volume import LabelMap, Volume

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mgz", ".mgh")
_MOST = 255


def read_masks(folder: Path) -> LabelMap:
    """Read masks of one grid as one label map: ids 1, 2, ... in the order of the file names, which name the organs.

    Where masks overlap, the later one counts. Raises a `BadScan` for masks that do not fit together.
    """
    files = [file for file in sorted(folder.iterdir()) if file.name.lower().endswith(_ENDINGS)]
    if not files:
        raise NotAScan("There is no mask in the folder: no NIfTI, NRRD or MGH file.")
    if len(files) > _MOST:
        raise UnsupportedScan(f"There are {len(files)} masks in the folder; at most {_MOST} are read.")
    first = read_scan(files[0], modality="MR")
    data = np.zeros(first.data.shape, np.uint8)
    for label, file in enumerate(files, start=1):
        volume = first if label == 1 else read_scan(file, modality="MR")
        data[_is_inside(volume, file, first, label)] = label
    organs = label_set({label: named(label, _stem(file)) for label, file in enumerate(files, start=1)})
    return LabelMap(data, first.geometry, first.warnings, organs)


def _is_inside(volume: Volume, file: Path, first: Volume, label: int) -> Bool:
    """The voxels (slice, row, column) of a mask."""
    if volume.geometry != first.geometry:
        raise MixedSeries(f"The masks are on different grids: number {label}, in the order of names, differs.")
    labels = to_labels(volume.data, read_head(file, volume.source).slope)
    if len(np.unique(labels)) > 2:
        raise UnsupportedScan(
            f"Mask number {label}, in the order of names, has several labels. Send a label map as one file."
        )
    return labels.astype(bool)


def _stem(file: Path) -> str:
    ending = next(ending for ending in _ENDINGS if file.name.lower().endswith(ending))
    return file.name[: -len(ending)]
