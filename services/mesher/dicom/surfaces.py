"""The surfaces as encapsulated STL, OBJ and MTL (PS3.3 A.85), in patient LPS millimetres."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from services.mesher.dicom import source
from services.mesher.exports import to_obj_zip, to_stl
from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import MeshedOrgans

STL, OBJ, MTL = (f"1.2.840.10008.5.1.4.1.1.104.{n}" for n in (3, 4, 5))


def surfaces(job: str, meshed: MeshedOrgans, sources: Sequence[Dataset], provenance: Provenance) -> dict[str, Dataset]:
    """`stl.dcm`, `obj.dcm` and the material library `mtl.dcm` that the OBJ refers to."""
    with zipfile.ZipFile(io.BytesIO(to_obj_zip(meshed.organs))) as archive:
        obj, mtl = archive.read("model.obj"), archive.read("model.mtl")
    stl = _document(job, STL, "STL", to_stl(meshed.organs), "model/stl", sources, provenance)
    materials = _document(job, MTL, "MTL", mtl, "model/mtl", sources, provenance)
    shape = _document(job, OBJ, "OBJ", obj, "model/obj", sources, provenance)
    shape.ReferencedInstanceSequence = [_material_library(materials)]
    shape.InstanceNumber, materials.InstanceNumber, stl.InstanceNumber = 1, 2, 3
    return {"stl.dcm": stl, "obj.dcm": shape, "mtl.dcm": materials}


def _document(  # noqa: PLR0917
    job: str, sop_class: str, kind: str, content: bytes, media: str, sources: Sequence[Dataset], provenance: Provenance
) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = sop_class, source.uid(job, kind)
    data.SpecificCharacterSet = "ISO_IR 192"
    now = datetime.now(UTC)
    data.ContentDate, data.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    data.InstanceCreationDate, data.InstanceCreationTime = data.ContentDate, data.ContentTime
    data.AcquisitionDateTime = None
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        setattr(data, name, None)
    data.AccessionNumber = data.ReferringPhysicianName = None
    data.StudyInstanceUID = sources[0].StudyInstanceUID
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = sources[0].FrameOfReferenceUID, None
    data.Modality, data.SeriesNumber = "M3D", 9003
    data.SeriesInstanceUID, data.SeriesDescription = source.uid(job, "M3D", "series"), source.TITLE
    data.Manufacturer = data.ManufacturerModelName = source.MAKER
    data.DeviceSerialNumber, data.SoftwareVersions = source.serial(provenance), source.software(provenance)
    _content(data, content, media)
    _references(data, sources)
    return data


def _content(data: Dataset, content: bytes, media: str) -> None:
    """Encapsulated Document (C.24.2) and Manufacturing 3D Model (C.35.1) modules."""
    data.BurnedInAnnotation, data.RecognizableVisualFeatures = "NO", "NO"
    data.DocumentTitle, data.ConceptNameCodeSequence = source.TITLE, []
    data.MIMETypeOfEncapsulatedDocument = media
    data.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    data.EncapsulatedDocumentLength = len(content)
    if media != "model/mtl":
        data.MeasurementUnitsCodeSequence = [_code("mm", "UCUM", "mm")]
        data.ModelModification, data.ModelMirroring = "YES", "NO"
        data.ModelUsageCodeSequence = [_code("129012", "DCM", "Educational Intent")]
    data.ContentDescription = f"Surfaces in patient LPS mm, {NOTICE}"


def _references(data: Dataset, sources: Sequence[Dataset]) -> None:
    """The source series of the surfaces (Common Instance Reference, C.12.2)."""
    series = Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = [_reference(image) for image in sources]
    data.ReferencedSeriesSequence = [series]
    data.SourceInstanceSequence = [_reference(image) for image in sources]


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _material_library(materials: Dataset) -> Dataset:
    item = _reference(materials)
    item.PurposeOfReferenceCodeSequence = [_code("MTL", "99VISCERA", "Material Library")]
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
