"""What the DICOM files of a revision say: that a person edited the outlines, and which files the algorithm wrote."""

from __future__ import annotations

import re

import numpy as np
from pydicom.dataset import Dataset

from services.mesher.dicom import source
from services.mesher.provenance import Provenance, Series
from shared.imaging.volume import LabelMap

AUTOMATIC, SEMIAUTOMATIC, MANUAL = "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"
_NOT_IN_A_NAME = re.compile(r"[\\^=\x00-\x1f]")
"""A person name (VR PN) has components between ^ and groups between =."""


def generation(labels: LabelMap, series: Series) -> dict[int, str]:
    """How each label came about (Segment Algorithm Type, PS3.3 C.8.20.2): by the algorithm, corrected, or by hand.

    Corrected is an organ that shares voxels with what the algorithm found there, and differs from it.
    """
    before = labels.data if series.by_algorithm is None else series.by_algorithm
    counts, earlier = (np.bincount(data.ravel(), minlength=256) for data in (labels.data, before))
    common = np.bincount(labels.data[labels.data == before], minlength=256)
    kinds = {}
    for label in range(1, 256):
        is_same = counts[label] == earlier[label] == common[label]
        kinds[label] = AUTOMATIC if is_same else SEMIAUTOMATIC if common[label] else MANUAL
    return kinds


def has_original(labels: LabelMap, series: Series) -> bool:
    """Whether there are DICOM files of the algorithm's outlines, which a revision refers to."""
    if series.by_algorithm is None:
        return False
    counts = np.bincount(series.by_algorithm.ravel(), minlength=256)
    return any(counts[organ.id] for organ in labels.organs)


def editor(provenance: Provenance) -> str | None:
    """The person who edited, by key or subject as in the audit trail; None: nobody did."""
    return person_name(provenance.edit.by) if provenance.edit else None


def person_name(actor: str) -> str:
    """A key or subject of the audit trail as a person name (VR PN) of one component."""
    return _NOT_IN_A_NAME.sub("_", actor)[:63] + "^"


def describe(data: Dataset, series: Series, provenance: Provenance) -> None:
    """Name the person in a data set of a revision, and say what they did."""
    if provenance.edit is not None:
        data.OperatorsName = editor(provenance)
        kinds = ", ".join(provenance.edit.kinds)
        data.DerivationDescription = f"Revision {series.revision}: outlines edited by a person ({kinds})"


def original_instance(series: Series, sop_class: str, kind: str) -> Dataset:
    """An item of a sequence that refers to the file of this kind of revision 1."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, source.original_uid(series, kind)
    return item


def original_series(series: Series, sop_class: str, kind: str) -> Dataset:
    """An item of Referenced Series Sequence (C.12.2) with the file of this kind of revision 1."""
    item = Dataset()
    item.SeriesInstanceUID = source.original_uid(series, kind, "series")
    item.ReferencedInstanceSequence = [original_instance(series, sop_class, kind)]
    return item


def predecessor(series: Series, sop_class: str, kind: str) -> Dataset:
    """An item of Predecessor Documents Sequence (C.17.2) with the document of this kind of revision 1."""
    inside, item = Dataset(), Dataset()
    inside.SeriesInstanceUID = source.original_uid(series, kind, "series")
    inside.ReferencedSOPSequence = [original_instance(series, sop_class, kind)]
    item.StudyInstanceUID, item.ReferencedSeriesSequence = series.origin.study, [inside]
    return item
