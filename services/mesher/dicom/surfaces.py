"""The surfaces as encapsulated STL, OBJ and MTL (PS3.3 A.85), in patient LPS millimetres."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from services.mesher.dicom import editing, source
from services.mesher.exports import to_obj, to_stl
from services.mesher.provenance import NOTICE, Provenance, Series
from services.mesher.results import MeshedOrgans

STL, OBJ, MTL = (f"1.2.840.10008.5.1.4.1.1.104.{n}" for n in (3, 4, 5))


def surfaces(
    series: Series, meshed: MeshedOrgans, sources: Sequence[Dataset], provenance: Provenance
) -> dict[str, Dataset]:
    """`stl.dcm`, `obj.dcm` and the material library `mtl.dcm` that the OBJ refers to."""
    obj, mtl = (text.encode() for text in to_obj(meshed.organs))
    stl = _document(series, STL, "STL", to_stl(meshed.organs), "model/stl", sources, provenance)
    materials = _document(series, MTL, "MTL", mtl, "model/mtl", sources, provenance)
    shape = _document(series, OBJ, "OBJ", obj, "model/obj", sources, provenance)
    shape.ReferencedInstanceSequence = [_material_library(materials)]
    shape.InstanceNumber, materials.InstanceNumber, stl.InstanceNumber = 1, 2, 3
    return {"stl.dcm": stl, "obj.dcm": shape, "mtl.dcm": materials}


def _document(  # noqa: PLR0917
    series: Series,
    sop_class: str,
    kind: str,
    content: bytes,
    media: str,
    sources: Sequence[Dataset],
    provenance: Provenance,
) -> Dataset:
    data = source.new_result(series, sop_class, kind, sources[0], provenance)
    data.AcquisitionDateTime = None
    data.Modality, data.SeriesNumber = "M3D", 9003
    data.SeriesInstanceUID = source.uid(series, "M3D", "series")
    data.ContentDate, data.ContentTime = data.InstanceCreationDate, data.InstanceCreationTime
    _content(data, content, media)
    data.DocumentTitle = source.title(series)
    if provenance.edit is not None:
        data.OperatorsName = editing.editor(provenance)
    _references(data, sources)
    return data


def _content(data: Dataset, content: bytes, media: str) -> None:
    """Encapsulated Document (C.24.2) and Manufacturing 3D Model (C.35.1) modules."""
    data.BurnedInAnnotation, data.RecognizableVisualFeatures = "NO", "NO"
    data.ConceptNameCodeSequence = []
    data.MIMETypeOfEncapsulatedDocument = media
    data.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    data.EncapsulatedDocumentLength = len(content)
    if media != "model/mtl":
        data.MeasurementUnitsCodeSequence = [source.code("mm", "UCUM", "mm")]
        data.ModelModification, data.ModelMirroring = "YES", "NO"
        data.ModelUsageCodeSequence = [source.code("129012", "DCM", "Educational Intent")]
    data.ContentDescription = f"Surfaces in patient LPS mm, {NOTICE}"


def _references(data: Dataset, sources: Sequence[Dataset]) -> None:
    """The source series of the surfaces (Common Instance Reference, C.12.2)."""
    series = Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = [source.reference(image) for image in sources]
    data.ReferencedSeriesSequence = [series]
    data.SourceInstanceSequence = [source.reference(image) for image in sources]


def _material_library(materials: Dataset) -> Dataset:
    item = source.reference(materials)
    item.PurposeOfReferenceCodeSequence = [source.code("MTL", "99VISCERA", "Material Library")]
    return item
