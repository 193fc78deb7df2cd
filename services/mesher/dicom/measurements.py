"""The measurements of people as a report: TID 1500 (PS3.16), each with its points in the patient (SCOORD3D)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    CoordinatesForMeasurement3D,
    ImageRegion3D,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom.uid import UID

from services.mesher.dicom import editing, source
from services.mesher.dicom.report import Group, document_of, person_of
from services.mesher.provenance import Provenance, Series
from shared.imaging.formats.plan import Slice
from shared.imaging.geometry import Floats
from shared.ledger import measurements as ledger

_NAMES = {
    "length": CodedConcept("410668003", "SCT", "Length"),
    "angle": CodedConcept("1483009", "SCT", "Angle"),
    "area": CodedConcept("42798000", "SCT", "Area"),
    "polygon": CodedConcept("42798000", "SCT", "Area"),
}
_VALUES = {
    "CT": CodedConcept("112031", "DCM", "Attenuation Coefficient"),
    "MR": CodedConcept("110852", "DCM", "MR signal intensity"),
}
_UNITS = {
    "mm": CodedConcept("mm", "UCUM", "millimeter"),
    "deg": CodedConcept("deg", "UCUM", "degree"),
    "cm2": CodedConcept("cm2", "UCUM", "square centimeter"),
    "[hnsf'U]": CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "1": CodedConcept("1", "UCUM", "no units"),
}
_OF_VALUES = {"CT": "[hnsf'U]", "MR": "1"}
_DERIVATIONS = {
    "mean": CodedConcept("373098007", "SCT", "Mean"),
    "deviation": CodedConcept("386136009", "SCT", "Standard Deviation"),
    "least": CodedConcept("255605001", "SCT", "Minimum"),
    "most": CodedConcept("56851009", "SCT", "Maximum"),
}
_SHAPES = {"length": "POLYLINE", "angle": "POLYLINE", "probe": "POINT", "polygon": "POLYLINE"}
"""A POLYGON of DICOM is flat (PS3.3 C.18.9.1.2), one on surfaces is not: it is a closed POLYLINE."""
_FREE_OF = dict.fromkeys(range(32))
"""Control characters, which text in DICOM does not have."""


def list_report(
    series: Series, measured: Sequence[ledger.Measurement], number: int, provenance: Provenance
) -> Comprehensive3DSR:
    """A preliminary, unverified report of a list of measurements after its change `number`; it must not be empty.

    Arrows, which measure nothing, are left out. A person is an observer where one person made them all.
    """
    sources = source.source_images(series.origin)
    actors = {one.actor for one in measured}
    person = editing.person_name(actors.pop()) if len(actors) == 1 else None
    groups = [_group(series, one, one.amount) for one in measured if one.amount]
    document = document_of(series, sources, groups, person_of(person), provenance, sources)
    document.SeriesInstanceUID = source.original_uid(series, "measurements", "series")
    document.SOPInstanceUID = UID(source.original_uid(series, "measurements", str(number)))
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    document.SpecificCharacterSet = "ISO_IR 192"
    document.SeriesNumber, document.InstanceNumber = 9008, number
    document.SeriesDescription = "Measurements"
    return document


def _group(series: Series, one: ledger.Measurement, amount: ledger.Amount) -> Group:
    label = one.label.translate(_FREE_OF).strip() or one.id
    tracking = TrackingIdentifier(source.tracking_uid(series, f"measurement {one.id}"), label)
    points = np.array(one.shape.points, dtype=np.float64)
    if one.shape.kind == "area":
        region = ImageRegion3D("ELLIPSE", principal_axes(points), series.origin.frame_of_reference)
        return PlanarROIMeasurementsAndQualitativeEvaluations(tracking, region, measurements=_area(series, amount))
    kind = one.shape.kind
    name = _VALUES[series.origin.modality] if kind == "probe" else _NAMES[kind]
    frame = series.origin.frame_of_reference
    corners = np.concatenate([points, points[:1]]) if kind == "polygon" else points
    coordinates = CoordinatesForMeasurement3D(_SHAPES[kind], corners, frame)
    unit = _UNITS[amount.unit]
    measurement = Measurement(name, _rounded(amount.value), unit, referenced_coordinates=[coordinates])
    image = _nearest(series, points.mean(axis=0))
    frames = [image.frame] if image.frame else None
    shown_on = SourceImageForMeasurementGroup(image.sop_class, image.sop_instance, frames)
    return MeasurementsAndQualitativeEvaluations(tracking, measurements=[measurement], source_images=[shown_on])


def _area(series: Series, amount: ledger.Amount) -> list[Measurement]:
    found = [Measurement(_NAMES["area"], _rounded(amount.value), _UNITS["cm2"])]
    modality = series.origin.modality
    unit = _UNITS[_OF_VALUES[modality]]
    for name, derivation in _DERIVATIONS.items() if amount.statistics else ():
        value = _rounded((amount.statistics or {})[name])
        found.append(Measurement(_VALUES[modality], value, unit, derivation=derivation))
    return found


def principal_axes(points: Floats) -> Floats:
    """Return the ends of the major and then of the minor axis of an ellipse, (4, 3) in mm as PS3.3 C.18.9.1.2 has them.

    `points` (4, 3) are the ends of two conjugate diameters. Their halves are the columns of a matrix that maps the unit
    circle onto the ellipse, so its singular vectors are the axes.
    """
    halves = np.stack([points[1] - points[0], points[3] - points[2]], axis=1) / 2.0
    vectors, sizes, _ = np.linalg.svd(halves, full_matrices=False)
    middle = points.mean(axis=0)
    steps = vectors.T * sizes[:, None]
    return np.stack([middle - steps[0], middle + steps[0], middle - steps[1], middle + steps[1]])


def _nearest(series: Series, place: Floats) -> Slice:
    """Return the image of the series whose plane is nearest to a place in the patient."""
    across, down = np.array(series.origin.orientation).reshape(2, 3)
    normal = np.cross(across, down)
    return min(series.origin.slices, key=lambda image: abs(float((place - np.array(image.position)) @ normal)))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
