"""Reads label maps from outside: NIfTI, NRRD, MGH, DICOM SEG and folders with one binary mask per organ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.uid import SegmentationStorage

from services.mesher.labels.masks import read_masks
from services.mesher.labels.names import read_head
from services.mesher.labels.segmentation import read_segmentation
from shared.errors import UnsupportedScan
from shared.imaging.formats import read_scan
from shared.imaging.label_values import to_labels
from shared.imaging.volume import LabelMap, Organ

READ = "A label map is read from NIfTI, NRRD, MGH, DICOM SEG or a folder of binary masks"


def read_labels(path: Path, organs: Sequence[Organ] | None = None) -> LabelMap:
    """Read a label map, with the names of its labels.

    `organs` names the labels. Without them the file's own names are used; other labels are shown as label_N. Raises a
    `BadScan` for what is no label map.
    """
    labels = _read(path)
    return labels if organs is None else replace(labels, organs=tuple(organs))


def _read(path: Path) -> LabelMap:
    if path.is_dir():
        objects = [file for file in sorted(path.iterdir()) if file.is_file() and _is_dicom(file)]
        if len(objects) > 1:
            raise UnsupportedScan(f"There are {len(objects)} DICOM files in the folder; send one DICOM SEG.")
        return _read_dicom(objects[0]) if objects else read_masks(path)
    return _read_dicom(path) if _is_dicom(path) else _read_image(path)


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _read_dicom(path: Path) -> LabelMap:
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    kind = header.get("SOPClassUID", pydicom.uid.UID(""))
    if kind != SegmentationStorage:
        raise UnsupportedScan(f"{READ}; this is {kind.name or 'another DICOM object'}.")
    return read_segmentation(path)


def _read_image(path: Path) -> LabelMap:
    volume = read_scan(path, modality="MR")  # nothing depends on the modality of a label map
    if volume.source not in ("nifti", "nrrd", "mgh"):
        raise UnsupportedScan(f"{READ}; these are slices of a scan.")
    head = read_head(path, volume.source)
    return LabelMap(to_labels(volume.data, head.slope), volume.geometry, volume.warnings, head.organs)
