"""The source series as highdicom needs it: data sets with the attributes that results refer to, and no patient's."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from services.mesher.provenance import NOTICE, Provenance, Series
from shared.imaging.formats.origin import derived_uid
from shared.imaging.formats.plan import Origin, Slice

MAKER = "Viscera"
TITLE = f"Abdominal organs, {NOTICE}"


def source_images(origin: Origin) -> list[Dataset]:
    """One data set per image in the slice order of the volume, or one data set for a single enhanced image."""
    if len({s.sop_instance for s in origin.slices}) < len(origin.slices):
        return [_multiframe(origin)]
    return [_single(origin, s) for s in origin.slices]


def uid(series: Series, *parts: str) -> str:
    """The UID of a part of a revision of a result, which is the same every time the revision is written."""
    return original_uid(series, *parts, *([] if series.revision == 1 else [f"revision {series.revision}"]))


def original_uid(series: Series, *parts: str) -> str:
    """The UID of a part of revision 1, or of what is the same in all revisions."""
    return derived_uid(series.job, *parts)


def tracking_uid(series: Series, organ: str) -> str:
    """The tracking UID of an organ, the same in all files and revisions of a result."""
    return original_uid(series, "tracking", organ)


def title(series: Series) -> str:
    """The title of a revision: that of revision 1 says nothing of revisions."""
    return TITLE if series.revision == 1 else f"{TITLE}, revision {series.revision}, edited"


def software(provenance: Provenance) -> str:
    """The software version as an LO value (64 characters)."""
    return provenance.software[:64] or MAKER


def serial(provenance: Provenance) -> str:
    """A device serial number: the first 12 digits of each model's SHA-256."""
    return "-".join(digest[:12] for _, digest in provenance.models) or "none"


def new_result(series: Series, sop_class: str, kind: str, image: Dataset, provenance: Provenance) -> Dataset:
    """A data set of a result in the study of `image`, with everything but its series and its content."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = sop_class, uid(series, kind)
    data.SpecificCharacterSet = "ISO_IR 192"
    now = datetime.now(UTC)
    data.InstanceCreationDate, data.InstanceCreationTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        setattr(data, name, None)
    data.AccessionNumber = data.ReferringPhysicianName = None
    data.StudyInstanceUID, data.SeriesDescription = image.StudyInstanceUID, title(series)
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = image.FrameOfReferenceUID, None
    data.Manufacturer = data.ManufacturerModelName = MAKER
    data.DeviceSerialNumber, data.SoftwareVersions = serial(provenance), software(provenance)
    return data


_FORMATS = {"DA": "%Y%m%d", "TM": "%H%M%S", "DT": "%Y%m%d%H%M%S"}
_MOMENTS = {
    "InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime", "StructureSetDate",
    "StructureSetTime", "SeriesDate", "SeriesTime", "ContributionDateTime",
}  # fmt: skip


def set_time(dataset: Dataset, written: datetime) -> None:
    """Set the date and time of writing wherever the data set has one: the same result then gives the same bytes."""
    for element in dataset.iterall():
        if element.keyword in _MOMENTS and element.value:
            element.value = written.strftime(_FORMATS[element.VR])


def reference(image: Dataset) -> Dataset:
    """An item of a sequence that refers to this instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def to_bytes(dataset: Dataset) -> bytes:
    """A data set as a DICOM file."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _common(origin: Origin, sop_class: str, sop_instance: str) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = sop_class, sop_instance
    data.StudyInstanceUID, data.SeriesInstanceUID = origin.study, origin.series
    data.FrameOfReferenceUID, data.Modality = origin.frame_of_reference, origin.modality
    data.PatientName = data.PatientID = data.PatientBirthDate = data.PatientSex = None
    data.StudyDate = data.StudyTime = data.AccessionNumber = data.ReferringPhysicianName = data.StudyID = None
    data.Rows, data.Columns = origin.shape
    data.PositionReferenceIndicator = None
    return data


def _thickness(origin: Origin) -> float:
    first, second = origin.slices[0].position, origin.slices[1].position
    return float(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5)


def _single(origin: Origin, image: Slice) -> Dataset:
    data = _common(origin, image.sop_class, image.sop_instance)
    data.ImagePositionPatient = _texts(image.position)
    data.ImageOrientationPatient = _texts(origin.orientation)
    data.PixelSpacing = _texts(origin.pixel)
    data.SliceThickness = _texts((_thickness(origin),))[0]
    return data


def _multiframe(origin: Origin) -> Dataset:
    data = _common(origin, origin.slices[0].sop_class, origin.slices[0].sop_instance)
    data.NumberOfFrames = len(origin.slices)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = _texts(origin.pixel), _texts((_thickness(origin),))[0]
    orientation.ImageOrientationPatient = _texts(origin.orientation)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    data.SharedFunctionalGroupsSequence = [shared]
    frames: list[Dataset] = [Dataset() for _ in origin.slices]
    for image in origin.slices:
        position = Dataset()
        position.ImagePositionPatient = _texts(image.position)
        frames[image.frame - 1].PlanePositionSequence = [position]
    data.PerFrameFunctionalGroupsSequence = frames
    return data


def _texts(values: tuple[float, ...]) -> list[str]:
    """Decimal strings (VR DS): at most 16 characters, as precise as fits."""
    return [pydicom.valuerep.format_number_as_ds(float(value)) for value in values]
