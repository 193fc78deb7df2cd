"""The organs as a BINARY segmentation (PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from services.mesher.dicom import source
from services.mesher.provenance import Provenance
from shared.imaging.formats.plan import Origin
from shared.imaging.volume import LabelMap, Organ

ORGAN_CATEGORY = CodedConcept("123037004", "SCT", "Anatomical Structure")
ARTIFICIAL_INTELLIGENCE = CodedConcept("123109", "DCM", "Artificial Intelligence")


def present_organs(labels: LabelMap) -> list[Organ]:
    """The organs that have a voxel, in the order of their labels."""
    counts = np.bincount(labels.data.ravel(), minlength=256)
    return [organ for organ in labels.organs if counts[organ.id]]


def organ_code(organ: Organ) -> CodedConcept:
    """The SNOMED CT code of an organ, or a private code where none is known."""
    if organ.snomed:
        return CodedConcept(organ.snomed, "SCT", organ.title)
    return CodedConcept(organ.name, "99VISCERA", organ.title)


def segmentation(
    job: str, labels: LabelMap, sources: Sequence[Dataset], origin: Origin, provenance: Provenance
) -> Segmentation:
    """One segment per organ, with frames on the slices of the source series."""
    present = present_organs(labels)
    lut = np.zeros(256, np.uint8)
    for number, organ in enumerate(present, start=1):
        lut[organ.id] = number
    pixels = lut[labels.data]
    if len(sources) == 1:  # an enhanced image keeps its order of frames
        pixels = pixels[np.argsort([image.frame for image in origin.slices])]
    result = Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, organ, job, provenance) for number, organ in enumerate(present, start=1)
        ],
        series_instance_uid=source.uid(job, "SEG", "series"),
        series_number=9001,
        sop_instance_uid=source.uid(job, "SEG"),
        instance_number=1,
        manufacturer=source.MAKER,
        manufacturer_model_name=source.MAKER,
        software_versions=source.software(provenance),
        device_serial_number=source.serial(provenance),
        content_label="ABDOMINAL_ORGANS",
        content_description=source.TITLE,
        series_description=source.TITLE,
        omit_empty_frames=True,
    )
    organization = source.uid(job, "SEG", "dimensions")  # highdicom draws a new UID each time
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    return result


def _segment(number: int, organ: Organ, job: str, provenance: Provenance) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=organ.title,
        segmented_property_category=ORGAN_CATEGORY,
        segmented_property_type=organ_code(organ),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm(provenance),
        tracking_uid=source.uid(job, "tracking", organ.name),
        tracking_id=organ.name,
        display_color=CIELabColor.from_rgb(*organ.colour),
    )


def algorithm(provenance: Provenance) -> AlgorithmIdentificationSequence:
    """The software and the models (by SHA-256) that made the outlines."""
    return AlgorithmIdentificationSequence(
        name=source.MAKER,
        family=ARTIFICIAL_INTELLIGENCE,
        version=source.software(provenance),
        source=source.MAKER,
        parameters=dict(provenance.models) or None,
    )
