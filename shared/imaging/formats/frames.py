"""Frames of an enhanced multi-frame image, from its functional groups (DICOM PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import dataclass

import pydicom

TAGS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
CLASSES = (
    "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4",  # Enhanced MR, Legacy Converted Enhanced MR
    "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2",  # Enhanced CT, Legacy Converted Enhanced CT
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """The data sets with a frame's position, orientation, pixel measures and rescaling."""

    frame: int
    position: pydicom.Dataset
    orientation: pydicom.Dataset
    measures: pydicom.Dataset
    transform: pydicom.Dataset


def enhanced(header: pydicom.Dataset) -> bool:
    """Return whether the image is of an enhanced MR or CT class."""
    uid = header.get("SOPClassUID") or getattr(header, "file_meta", {}).get("MediaStorageSOPClassUID", "")
    return str(uid) in CLASSES


def views(header: pydicom.Dataset) -> list[View]:
    """Return one view per frame; a group that the frame lacks is taken from the shared groups."""
    shared = (header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    count = int(header.get("NumberOfFrames", 1) or 1)
    if len(each) not in (0, count):
        raise ValueError("the frames and their descriptions differ in number")

    def group(frame: pydicom.Dataset, name: str) -> pydicom.Dataset:
        groups = frame.get(name) or shared.get(name) or [pydicom.Dataset()]
        first: pydicom.Dataset = groups[0]
        return first

    return [
        View(
            number + 1,
            group(frame, "PlanePositionSequence"),
            group(frame, "PlaneOrientationSequence"),
            group(frame, "PixelMeasuresSequence"),
            group(frame, "PixelValueTransformationSequence"),
        )
        for number, frame in enumerate(each or [pydicom.Dataset()] * count)
    ]
