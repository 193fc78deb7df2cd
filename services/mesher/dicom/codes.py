"""What a segment shows, as DICOM codes: category, type, side and region (PS3.3 10.5 and C.8.20.4)."""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from shared.imaging.structures import ANATOMICAL_STRUCTURE, TISSUE, meaning_of
from shared.imaging.volume import Organ


def kind(organ: Organ) -> CodedConcept:
    """The SNOMED CT code of an organ, or a private code where none is known."""
    if organ.snomed:
        return CodedConcept(organ.snomed, "SCT", organ.meaning or organ.title)
    return CodedConcept(organ.name, "99VISCERA", organ.title)


def category(organ: Organ) -> CodedConcept:
    """The category of an organ, such as anatomical structure or tissue."""
    return _sct(organ.category or ANATOMICAL_STRUCTURE)


def is_anatomical(organ: Organ) -> bool:
    """Return whether an organ is a part of the body, not a lesion or something in it."""
    return organ.category in {None, ANATOMICAL_STRUCTURE}


def regions(organ: Organ) -> list[CodedConcept] | None:
    """The region of an organ, such as the liver of a tumor; None: it has none."""
    return [_sct(organ.region)] if organ.region else None


def side(organ: Organ) -> CodedConcept | None:
    """Left or right; None: neither."""
    return _sct(organ.modifier) if organ.modifier else None


def sites(organ: Organ) -> list[CodedConcept]:
    """Where a finding is: in its region, or the organ or tissue itself; a lesion without a region has no site."""
    is_place = is_anatomical(organ) or organ.category == TISSUE
    return regions(organ) or ([kind(organ)] if is_place else [])


def add_sides(item: Dataset, code: Dataset, organ: Organ) -> None:
    """Add left or right to the region of a segment, or where it has none to its type."""
    if organ.modifier and organ.region:
        item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [side(organ)]
    elif organ.modifier:
        code.SegmentedPropertyTypeModifierCodeSequence = [side(organ)]


def _sct(code: str) -> CodedConcept:
    return CodedConcept(code, "SCT", meaning_of(code))
