"""The measurement report of a result: TID 1500 (PS3.16) with the volume of every organ in millilitres."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from services.mesher import dicom_source
from services.mesher.provenance import Provenance
from shared.imaging.volume import ORGANS, LabelMap, Organ

VOLUME = CodedConcept("118565006", "SCT", "Volume")
MILLILITRE = CodedConcept("mL", "UCUM", "milliliter")
DEVICE = CodedConcept("121007", "DCM", "Device")
REPORT = CodedConcept("126000", "DCM", "Imaging Measurement Report")
CATEGORY = CodedConcept("123037004", "SCT", "Anatomical Structure")
_PROCEDURES = {
    "CT": CodedConcept("169070004", "SCT", "Computed tomography of abdomen and pelvis"),
    "MR": CodedConcept("241620005", "SCT", "Magnetic resonance imaging of abdomen"),
}


def report(
    job: str, labels: LabelMap, sources: Sequence[Dataset], segmented: Segmentation, provenance: Provenance
) -> Comprehensive3DSR:
    """A preliminary, unverified report: one group per segment with its volume, voxels counted, in mL."""
    voxels = {organ.name: int((labels.data == organ.id).sum()) for organ in ORGANS}
    numbers = {str(item.TrackingID): int(item.SegmentNumber) for item in segmented.SegmentSequence}
    groups = [
        _group(job, organ, numbers[organ.name], voxels[organ.name] * labels.geometry.voxel_ml, segmented, provenance)
        for organ in ORGANS
        if organ.name in numbers
    ]
    observer = ObserverContext(
        DEVICE,
        DeviceObserverIdentifyingAttributes(
            uid=dicom_source.uid(dicom_source.serial(provenance), "device"),
            name=dicom_source.TITLE[:64],
            manufacturer_name=dicom_source.MAKER,
            model_name=dicom_source.software(provenance),
        ),
    )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=_PROCEDURES[str(sources[0].Modality)],
        imaging_measurements=groups,
        title=REPORT,
    )
    return Comprehensive3DSR(
        evidence=[segmented, *sources],
        content=content,
        series_instance_uid=dicom_source.uid(job, "SR", "series"),
        series_number=9002,
        sop_instance_uid=dicom_source.uid(job, "SR"),
        instance_number=1,
        manufacturer=dicom_source.MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=dicom_source.TITLE,
        software_versions=dicom_source.software(provenance),
        manufacturer_model_name=dicom_source.MAKER,
        device_serial_number=dicom_source.serial(provenance),
    )


def _group(  # noqa: PLR0917
    job: str, organ: Organ, number: int, volume: float, segmented: Segmentation, provenance: Provenance
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    kind = CodedConcept(organ.snomed, "SCT", organ.title)
    source = segmented.ReferencedSeriesSequence[0].SeriesInstanceUID
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(dicom_source.uid(job, "tracking", organ.name), organ.name),
        referenced_segment=ReferencedSegment(
            segmented.SOPClassUID,
            segmented.SOPInstanceUID,
            number,
            source_series=SourceSeriesForSegmentation(source),
        ),
        finding_category=CATEGORY,
        finding_type=kind,
        finding_sites=[FindingSite(kind)],
        algorithm_id=AlgorithmIdentification(dicom_source.MAKER, dicom_source.software(provenance)),
        measurements=[Measurement(VOLUME, round(volume, 3), MILLILITRE)],
    )
