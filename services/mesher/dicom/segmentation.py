"""The organs as a BINARY segmentation (PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from services.mesher.dicom import codes, editing, source
from services.mesher.provenance import Provenance, Series
from shared.imaging.volume import LabelMap, Organ

SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
ARTIFICIAL_INTELLIGENCE = CodedConcept("123109", "DCM", "Artificial Intelligence")


def present_organs(labels: LabelMap) -> list[Organ]:
    """The organs that have a voxel, in the order of their labels."""
    counts = np.bincount(labels.data.ravel(), minlength=256)
    return [organ for organ in labels.organs if counts[organ.id]]


def segmentation(series: Series, labels: LabelMap, sources: Sequence[Dataset], provenance: Provenance) -> Segmentation:
    """One segment per organ, with frames on the slices of the source series.

    A revision that a person made says for each segment how it came about, and refers to revision 1.
    """
    present = present_organs(labels)
    lut = np.zeros(256, np.uint8)
    for number, organ in enumerate(present, start=1):
        lut[organ.id] = number
    pixels, kinds = lut[labels.data], editing.generation(labels, series)
    if len(sources) == 1:  # an enhanced image keeps its order of frames
        pixels = pixels[np.argsort([image.frame for image in series.origin.slices])]
    result = Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, organ, kinds[organ.id], series, provenance)
            for number, organ in enumerate(present, start=1)
        ],
        series_instance_uid=source.uid(series, "SEG", "series"),
        series_number=9001,
        sop_instance_uid=source.uid(series, "SEG"),
        instance_number=1,
        manufacturer=source.MAKER,
        manufacturer_model_name=source.MAKER,
        software_versions=source.software(provenance),
        device_serial_number=source.serial(provenance),
        content_label="ABDOMINAL_ORGANS",
        content_description=source.title(series),
        series_description=source.title(series),
        omit_empty_frames=True,
    )
    organization = source.uid(series, "SEG", "dimensions")  # highdicom draws a new UID each time
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    if provenance.edit is not None:
        _describe_edit(result, labels, series, provenance)
    return result


def _describe_edit(result: Segmentation, labels: LabelMap, series: Series, provenance: Provenance) -> None:
    """Name the person as content creator, and the algorithm's segmentation as one more source (C.12.4, C.12.2)."""
    editing.describe(result, series, provenance)
    result.ContentCreatorName = editing.editor(provenance)
    if editing.has_original(labels, series):
        original = editing.original_instance(series, result.SOPClassUID, "SEG")
        original.PurposeOfReferenceCodeSequence = [source.code(*SOURCE_IMAGE)]
        result.SourceImageSequence.append(original)
        result.ReferencedSeriesSequence.append(editing.original_series(series, result.SOPClassUID, "SEG"))


def _segment(number: int, organ: Organ, kind: str, series: Series, provenance: Provenance) -> SegmentDescription:
    result = SegmentDescription(
        segment_number=number,
        segment_label=organ.title,
        segmented_property_category=codes.category(organ),
        segmented_property_type=codes.kind(organ),
        algorithm_type=kind,
        algorithm_identification=None if kind == editing.MANUAL else algorithm(provenance),
        tracking_uid=source.tracking_uid(series, organ.name),
        tracking_id=organ.name,
        anatomic_regions=codes.regions(organ),
        display_color=CIELabColor.from_rgb(*organ.colour),
    )
    codes.add_sides(result, result.SegmentedPropertyTypeCodeSequence[0], organ)
    return result


def algorithm(provenance: Provenance) -> AlgorithmIdentificationSequence:
    """The software and the models (by SHA-256) that made the outlines."""
    return AlgorithmIdentificationSequence(
        name=source.MAKER,
        family=ARTIFICIAL_INTELLIGENCE,
        version=source.software(provenance),
        source=source.MAKER,
        parameters=dict(provenance.models) or None,
    )
