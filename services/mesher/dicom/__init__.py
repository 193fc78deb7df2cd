"""A result as DICOM: segmentation, structure set, measurement report and surfaces, in the study of the source.

The files have no patient attributes; `shared.dicom.identity.complete` adds them when a result is downloaded.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from services.mesher.dicom.report import measurement_report
from services.mesher.dicom.segmentation import present_organs, segmentation
from services.mesher.dicom.source import source_images, to_bytes
from services.mesher.dicom.structures import structure_set
from services.mesher.dicom.surfaces import surfaces
from services.mesher.provenance import Provenance
from services.mesher.results import MeshedOrgans
from shared.imaging.formats.plan import Origin
from shared.imaging.volume import LabelMap


def to_dicom(
    job: str, labels: LabelMap, meshed: MeshedOrgans, origin: Origin, provenance: Provenance
) -> dict[str, bytes]:
    """Every DICOM file of a result by name; none where there is no organ."""
    if not present_organs(labels):
        return {}
    sources = source_images(origin)
    segments = segmentation(job, labels, sources, origin, provenance)
    report = measurement_report(job, meshed, sources, segments, provenance)
    datasets: dict[str, Dataset] = {"segmentation.dcm": segments, "sr.dcm": report}
    datasets["rtstruct.dcm"] = structure_set(job, labels, sources, origin, provenance)
    datasets |= surfaces(job, meshed, sources, provenance)
    return {name: to_bytes(dataset) for name, dataset in datasets.items()}
