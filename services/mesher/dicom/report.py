"""The measurement report: TID 1500 (PS3.16) with the volume of every organ in millilitres."""

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
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from services.mesher.dicom import codes, editing, source
from services.mesher.provenance import Provenance, Series
from services.mesher.results import MeshedOrgan, MeshedOrgans
from shared.imaging.formats.origin import derived_uid
from shared.imaging.volume import LabelMap

VOLUME = CodedConcept("118565006", "SCT", "Volume")
MILLILITRE = CodedConcept("mL", "UCUM", "milliliter")
PERSON = CodedConcept("121006", "DCM", "Person")
DEVICE = CodedConcept("121007", "DCM", "Device")
REPORT = CodedConcept("126000", "DCM", "Imaging Measurement Report")
CERTAINTY = CodedConcept("111012", "DCM", "Certainty of Finding")
PERCENT = CodedConcept("%", "UCUM", "Percent")
COMPLETENESS = CodedConcept("COMPLETENESS", "99VISCERA", "Part of the organ in the outlines")
INCOMPLETE = CodedConcept("255599008", "SCT", "Incomplete")
Group = (
    MeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | VolumetricROIMeasurementsAndQualitativeEvaluations
)
"""A measurement group of TID 1500."""
_PROCEDURES = {
    "CT": CodedConcept("169070004", "SCT", "Computed tomography of abdomen and pelvis"),
    "MR": CodedConcept("241620005", "SCT", "Magnetic resonance imaging of abdomen"),
}


def measurement_report(  # noqa: PLR0917
    series: Series,
    labels: LabelMap,
    meshed: MeshedOrgans,
    sources: Sequence[Dataset],
    segmentation: Segmentation,
    provenance: Provenance,
) -> Comprehensive3DSR:
    """A preliminary, unverified report with one group per segment: the volume of its voxels in mL.

    A group says "incomplete" where the outlines show a part of the organ, and the model's confidence, where that is
    known and nobody has changed the outlines. A revision that a person made names the
    person as an observer, and the report of revision 1 as predecessor.
    """
    numbers = {str(item.TrackingID): int(item.SegmentNumber) for item in segmentation.SegmentSequence}
    groups = [
        _group(series, organ, numbers[organ.name], segmentation, provenance)
        for organ in meshed.organs
        if organ.name in numbers
    ]
    document = document_of(
        series, sources, groups, person_of(editing.editor(provenance)), provenance, [segmentation, *sources]
    )
    document.SeriesDescription = source.title(series)
    if editing.has_original(labels, series):
        document.PredecessorDocumentsSequence = [editing.predecessor(series, document.SOPClassUID, "SR")]
    return document


def document_of(  # noqa: PLR0917
    series: Series,
    sources: Sequence[Dataset],
    groups: Sequence[Group],
    person: ObserverContext | None,
    provenance: Provenance,
    evidence: Sequence[Dataset],
) -> Comprehensive3DSR:
    """A preliminary, unverified measurement report (TID 1500) with these groups, by this device and a person."""
    device = ObserverContext(
        DEVICE,
        DeviceObserverIdentifyingAttributes(
            uid=derived_uid(source.serial(provenance), "device"),
            name=source.TITLE[:64],
            manufacturer_name=source.MAKER,
            model_name=source.software(provenance),
        ),
    )
    content = MeasurementReport(
        observation_context=ObservationContext(person, device),
        procedure_reported=_PROCEDURES[str(sources[0].Modality)],
        imaging_measurements=groups,
        title=REPORT,
    )
    return Comprehensive3DSR(
        evidence=evidence,
        content=content,
        series_instance_uid=source.uid(series, "SR", "series"),
        series_number=9002,
        sop_instance_uid=source.uid(series, "SR"),
        instance_number=1,
        manufacturer=source.MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        software_versions=source.software(provenance),
        manufacturer_model_name=source.MAKER,
        device_serial_number=source.serial(provenance),
    )


def person_of(name: str | None) -> ObserverContext | None:
    """A person as an observer beside the device; None where there is no name."""
    return None if name is None else ObserverContext(PERSON, PersonObserverIdentifyingAttributes(name))


def _group(
    series: Series, organ: MeshedOrgan, number: int, segmentation: Segmentation, provenance: Provenance
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    images = segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(source.tracking_uid(series, organ.name), organ.name),
        referenced_segment=ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            number,
            source_series=SourceSeriesForSegmentation(images),
        ),
        finding_category=codes.category(organ.definition),
        finding_type=codes.kind(organ.definition),
        finding_sites=[FindingSite(site, codes.side(organ.definition)) for site in codes.sites(organ.definition)],
        algorithm_id=AlgorithmIdentification(source.MAKER, source.software(provenance)),
        measurements=[
            Measurement(VOLUME, round(organ.volume_voxels_ml, 3), MILLILITRE),
            *_certainty(organ, provenance),
        ],
        qualitative_evaluations=[QualitativeEvaluation(COMPLETENESS, INCOMPLETE)] if organ.part_seen else None,
    )


def _certainty(organ: MeshedOrgan, provenance: Provenance) -> list[Measurement]:
    """The mean confidence of the model in its own outlines, in percent."""
    sure = provenance.confidence.mean_of(organ.name) if provenance.confidence and not provenance.edit else None
    return [] if sure is None else [Measurement(CERTAINTY, round(100.0 * sure), PERCENT)]
