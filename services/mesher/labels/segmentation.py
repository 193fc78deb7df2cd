"""Reads a DICOM Segmentation (PS3.3 A.51) as a label map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shared.errors import BadScan, CorruptScan, UnsupportedScan
from shared.imaging.geometry import Geometry
from shared.imaging.label_table import label_set, named
from shared.imaging.structures import ANATOMICAL_STRUCTURE
from shared.imaging.volume import LabelMap, Organ

_MOST = 255


def read_segmentation(path: Path) -> LabelMap:
    """Read a SEG: its segment numbers are the ids, its segment labels the names, with their SNOMED CT codes.

    Where segments overlap, the higher number counts. One empty slice is added at both ends: a SEG leaves out slices
    without a segment, so its first slice is not the end of the scan. Raises a `BadScan` for a SEG that can't be used.
    """
    from highdicom.seg import segread  # loading highdicom takes seconds

    try:
        source = segread(path)
        _check(source)
        volume = source.get_volume(combine_segments=True, skip_overlap_checks=True, dtype=np.uint8)
    except (BadScan, MemoryError):
        raise
    except Exception as error:  # highdicom raises many kinds of error for objects that break the standard
        raise CorruptScan("The DICOM SEG is damaged, or its frames are not on one regular grid.") from error
    data = np.pad(volume.array, ((1, 1), (0, 0), (0, 0)))
    affine = np.array(volume.affine, dtype=np.float64)[:, [2, 1, 0, 3]]  # highdicom: (slice, row, column)
    affine[:3, 3] -= affine[:3, 2]
    return LabelMap(np.ascontiguousarray(data), Geometry(data.shape, affine), (), _organs(source))


def _check(source: Any) -> None:
    if max(int(item.SegmentNumber) for item in source.SegmentSequence) > _MOST:
        raise UnsupportedScan(f"The DICOM SEG has more than {_MOST} segments.")
    if source.SegmentationType == "FRACTIONAL":
        raise UnsupportedScan("The DICOM SEG has fractions, not binary segments; convert it first.")


def _organs(source: Any) -> tuple[Organ, ...]:
    names = {}
    for item in source.SegmentSequence:
        label = int(item.SegmentNumber)
        organ = named(label, str(item.SegmentLabel))
        code = next(iter(item.get("SegmentedPropertyTypeCodeSequence", ())), None)
        if code is not None and code.get("CodingSchemeDesignator") == "SCT":
            organ = _coded(organ, item, code)
        names[label] = organ
    return label_set(names)


def _coded(organ: Organ, segment: Any, code: Any) -> Organ:
    """Return the organ with the codes of its segment, which count instead of those of its name."""
    region = next(iter(segment.get("AnatomicRegionSequence", ())), None)
    category = _first(segment, "SegmentedPropertyCategoryCodeSequence")
    meaning = str(code.get("CodeMeaning", ""))
    return replace(
        organ,
        snomed=str(code.CodeValue),
        category=None if category == ANATOMICAL_STRUCTURE else category,
        modifier=_first(code, "SegmentedPropertyTypeModifierCodeSequence")
        or (_first(region, "AnatomicRegionModifierSequence") if region is not None else None),
        region=_first(segment, "AnatomicRegionSequence"),
        meaning="" if meaning == organ.title else meaning,
    )


def _first(item: Any, sequence: str) -> str | None:
    """Return the SNOMED CT code of the first item of a sequence."""
    code = next(iter(item.get(sequence, ())), None)
    return str(code.CodeValue) if code is not None and code.get("CodingSchemeDesignator") == "SCT" else None
