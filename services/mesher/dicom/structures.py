"""The organs as an RT Structure Set (PS3.3 A.19): closed planar contours on the slices of the source series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from services.mesher.contours import contours
from services.mesher.dicom import codes, editing, source
from services.mesher.dicom.segmentation import present_organs
from services.mesher.provenance import NOTICE, Provenance, Series
from shared.arrays import Float64, Int64
from shared.imaging.formats.plan import Origin, Slice
from shared.imaging.volume import LabelMap, Organ

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
"""Retired SOP class that PS3.3 C.8.8.5 still asks for where a structure set refers to a study."""


def structure_set(series: Series, labels: LabelMap, sources: Sequence[Dataset], provenance: Provenance) -> Dataset:
    """One region of interest per organ, with one contour per part of it on each slice, in patient LPS mm."""
    data = source.new_result(series, RT_STRUCTURE_SET, "RTSTRUCT", sources[0], provenance)
    # In explicit VR a value of a contour has at most 64 KiB, which is too little for large ones.
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data.Modality, data.SeriesNumber, data.InstanceNumber = "RTSTRUCT", 9004, 1
    data.SeriesInstanceUID, data.OperatorsName = source.uid(series, "RTSTRUCT", "series"), None
    data.StructureSetLabel, data.StructureSetDescription = "ABDOMINAL ORGANS", source.title(series)
    data.StructureSetDate, data.StructureSetTime = data.InstanceCreationDate, data.InstanceCreationTime
    data.ApprovalStatus = "UNAPPROVED"
    data.ReferencedFrameOfReferenceSequence = [_frame_of_reference(sources)]
    organs, kinds = list(enumerate(present_organs(labels), start=1)), editing.generation(labels, series)
    data.StructureSetROISequence = [
        _region(number, organ, kinds[organ.id], labels, sources, provenance) for number, organ in organs
    ]
    data.ROIContourSequence = [_contours_of(number, organ, labels, series.origin) for number, organ in organs]
    data.RTROIObservationsSequence = [_observation(number, organ) for number, organ in organs]
    if provenance.edit is not None:
        data.OperatorsName = editing.editor(provenance)
        if editing.has_original(labels, series):
            data.PredecessorStructureSetSequence = [editing.original_instance(series, RT_STRUCTURE_SET, "RTSTRUCT")]
    return data


def _frame_of_reference(sources: Sequence[Dataset]) -> Dataset:
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    series.ContourImageSequence = [source.reference(image) for image in sources]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = DETACHED_STUDY, sources[0].StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = sources[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _region(  # noqa: PLR0917
    number: int, organ: Organ, kind: str, labels: LabelMap, sources: Sequence[Dataset], provenance: Provenance
) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ReferencedFrameOfReferenceUID = number, sources[0].FrameOfReferenceUID
    item.ROIName, item.ROIDescription = organ.title, f"{source.software(provenance)}, {NOTICE}"
    item.ROIVolume = f"{np.count_nonzero(labels.data == organ.id) * labels.geometry.voxel_ml:.3f}"  # cubic cm
    item.ROIGenerationAlgorithm = kind
    return item


def _contours_of(number: int, organ: Organ, labels: LabelMap, origin: Origin) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor, item.ReferencedROINumber = list(organ.colour), number
    item.ContourSequence = list(_slices(organ, labels, origin))
    return item


def _slices(organ: Organ, labels: LabelMap, origin: Origin) -> Iterator[Dataset]:
    """Yield the contours of an organ, slice by slice."""
    for number, image in enumerate(origin.slices):
        for contour in contours(labels.data[number] == organ.id):
            item = Dataset()
            item.ContourImageSequence = [_image(image)]
            item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(contour)
            item.ContourData = [f"{value:.3f}" for value in _points(contour, image, origin).ravel()]
            yield item


def _image(image: Slice) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.sop_class, image.sop_instance
    if image.frame:
        item.ReferencedFrameNumber = image.frame
    return item


def _points(contour: Int64, image: Slice, origin: Origin) -> Float64:
    """Return (n, 3) in patient LPS mm; corners lie half a pixel before the centres of their pixels (C.7.6.2.1.1)."""
    down, across = origin.pixel
    along_row, along_column = np.array(origin.orientation).reshape(2, 3)
    row, column = (contour - 0.5).T
    points: Float64 = (
        np.array(image.position) + np.outer(column * across, along_row) + np.outer(row * down, along_column)
    )
    return points


def _observation(number: int, organ: Organ) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.ROIObservationLabel, item.RTROIInterpretedType, item.ROIInterpreter = organ.title[:16], "ORGAN", None
    item.RTROIIdentificationCodeSequence = [codes.kind(organ)]
    if regions := codes.regions(organ):
        item.AnatomicRegionSequence = regions
    if organ.category:  # without one it is an anatomical structure, as the interpreted type says
        item.SegmentedPropertyCategoryCodeSequence = [codes.category(organ)]
        item.RTROIInterpretedType = "ORGAN" if codes.is_anatomical(organ) else None
    codes.add_sides(item, item.RTROIIdentificationCodeSequence[0], organ)
    return item
