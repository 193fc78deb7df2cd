"""Frames of an enhanced multi-frame image, from its functional groups (DICOM PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pydicom
from pydicom import uid

TAGS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
CLASSES = (
    uid.EnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
)
_VOLUME_GROUPS = (
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
    ("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    ("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber"),
    ("MRImageFrameTypeSequence", "FrameType", "ImageType"),
    ("CTImageFrameTypeSequence", "FrameType", "ImageType"),
)
"""Functional group, its attribute, and the attribute of a single-frame image that says the same."""


@dataclass(frozen=True, slots=True)
class View:
    """The data sets with a frame's position, orientation, pixel measures and rescaling; number 0: single-frame image.

    `volume` has the attributes that tell volumes apart, by their single-frame keywords.
    """

    frame: int
    position: pydicom.Dataset
    orientation: pydicom.Dataset
    measures: pydicom.Dataset
    transform: pydicom.Dataset
    volume: Mapping[str, Any] = field(default_factory=dict)


def enhanced(header: pydicom.Dataset) -> bool:
    """Return whether the image is of an enhanced MR or CT class."""
    sop_class = header.get("SOPClassUID") or getattr(header, "file_meta", {}).get("MediaStorageSOPClassUID", "")
    return str(sop_class) in CLASSES


def views(header: pydicom.Dataset) -> list[View]:
    """Return one view per frame; a group that the frame lacks is taken from the shared groups.

    Raises ValueError if frames and descriptions differ in number.
    """
    shared = (header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    each = header.get("PerFrameFunctionalGroupsSequence") or []
    count = int(header.get("NumberOfFrames", 1) or 1)
    if len(each) not in (0, count):
        raise ValueError("the frames and their descriptions differ in number")

    def group(frame: pydicom.Dataset, name: str) -> pydicom.Dataset:
        groups = frame.get(name) or shared.get(name) or [pydicom.Dataset()]
        first: pydicom.Dataset = groups[0]
        return first

    def volume(frame: pydicom.Dataset) -> dict[str, Any]:
        values = {alias: group(frame, name).get(keyword) for name, keyword, alias in _VOLUME_GROUPS}
        return {alias: value for alias, value in values.items() if value is not None}

    return [
        View(
            number + 1,
            group(frame, "PlanePositionSequence"),
            group(frame, "PlaneOrientationSequence"),
            group(frame, "PixelMeasuresSequence"),
            group(frame, "PixelValueTransformationSequence"),
            volume(frame),
        )
        for number, frame in enumerate(each or [pydicom.Dataset()] * count)
    ]
