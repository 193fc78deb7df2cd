"""A result as DICOM: segmentation, measurement report and encapsulated surfaces, in the source's study.

What is made here holds nothing personal; `shared.dicom.identity.complete` fills that in when a result is handed out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from services.mesher import dicom_document, dicom_report, dicom_source
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgans
from shared.imaging.formats.plan import Origin
from shared.imaging.volume import ORGANS, LabelMap, Organ

ORGAN_CATEGORY = CodedConcept("123037004", "SCT", "Anatomical Structure")
ARTIFICIAL_INTELLIGENCE = CodedConcept("123109", "DCM", "Artificial Intelligence")


def to_dicom(
    job: str, labels: LabelMap, meshed: MeshedOrgans, origin: Origin, provenance: Provenance
) -> dict[str, bytes]:
    """Every DICOM file of a result by name; none where there is no organ."""
    present = present_organs(labels)
    if not present:
        return {}
    sources = dicom_source.stated(origin)
    segmented = segmentation(job, labels, sources, origin, provenance)
    report = dicom_report.report(job, labels, sources, segmented, provenance)
    made: dict[str, Dataset] = {"segmentation.dcm": segmented, "sr.dcm": report}
    made |= dicom_document.documents(job, meshed, sources, provenance)
    return {name: dicom_source.to_bytes(dataset) for name, dataset in made.items()}


def present_organs(labels: LabelMap) -> list[Organ]:
    """The organs that have a voxel, by label id."""
    counts = np.bincount(labels.data.ravel(), minlength=256)
    return [organ for organ in ORGANS if counts[organ.id]]


def segmentation(
    job: str, labels: LabelMap, sources: Sequence[Dataset], origin: Origin, provenance: Provenance
) -> Segmentation:
    """A BINARY segmentation (PS3.3 A.51), one segment per organ, frame by frame on the source's own slices."""
    present = present_organs(labels)
    lut = np.zeros(256, np.uint8)
    for number, organ in enumerate(present, start=1):
        lut[organ.id] = number
    pixels = lut[labels.data]
    if len(sources) == 1:  # an enhanced image keeps its own order of frames
        pixels = pixels[np.argsort([image.frame for image in origin.slices])]
    return Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, organ, job, provenance) for number, organ in enumerate(present, start=1)
        ],
        series_instance_uid=dicom_source.uid(job, "SEG", "series"),
        series_number=9001,
        sop_instance_uid=dicom_source.uid(job, "SEG"),
        instance_number=1,
        manufacturer=dicom_source.MAKER,
        manufacturer_model_name=dicom_source.MAKER,
        software_versions=dicom_source.software(provenance),
        device_serial_number=dicom_source.serial(provenance),
        content_label="ABDOMINAL_ORGANS",
        content_description=dicom_source.TITLE,
        series_description=dicom_source.TITLE,
        omit_empty_frames=True,
    )


def _segment(number: int, organ: Organ, job: str, provenance: Provenance) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=organ.title,
        segmented_property_category=ORGAN_CATEGORY,
        segmented_property_type=CodedConcept(organ.snomed, "SCT", organ.title),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm(provenance),
        tracking_uid=dicom_source.uid(job, "tracking", organ.name),
        tracking_id=organ.name,
        display_color=CIELabColor.from_rgb(*organ.colour),
    )


def algorithm(provenance: Provenance) -> AlgorithmIdentificationSequence:
    """Which software and which models, by SHA-256, made the outlines."""
    return AlgorithmIdentificationSequence(
        name=dicom_source.MAKER,
        family=ARTIFICIAL_INTELLIGENCE,
        version=dicom_source.software(provenance),
        source=dicom_source.MAKER,
        parameters=dict(provenance.models) or None,
    )
