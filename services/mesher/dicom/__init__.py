"""A result as DICOM: segmentation, structure set, measurement report and surfaces, in the study of the source.

The files have no patient attributes; `shared.dicom.identity.complete` adds them when a result is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from highdicom.seg import Segmentation
from pydicom.dataset import Dataset

from services.mesher.dicom.report import measurement_report
from services.mesher.dicom.segmentation import segmentation
from services.mesher.dicom.source import set_time, source_images, to_bytes
from services.mesher.dicom.structures import structure_set
from services.mesher.dicom.surfaces import surfaces
from services.mesher.provenance import Provenance, Series
from services.mesher.results import MeshedOrgans
from shared.imaging.volume import LabelMap


@dataclass(frozen=True, eq=False)
class DicomResult:
    """A result with an organ, of a scan from DICOM; data sets that several files need are built once."""

    series: Series
    labels: LabelMap
    meshed: MeshedOrgans
    provenance: Provenance

    @cached_property
    def _sources(self) -> list[Dataset]:
        return source_images(self.series.origin)

    @cached_property
    def _segmentation(self) -> Segmentation:
        return segmentation(self.series, self.labels, self._sources, self.provenance)

    @cached_property
    def _surfaces(self) -> dict[str, Dataset]:
        return surfaces(self.series, self.meshed, self._sources, self.provenance)

    def file(self, name: str) -> bytes:
        """Write one file.

        Raises KeyError for an unknown name.
        """
        dataset = self._dataset(name)
        set_time(dataset, self.series.written)
        return to_bytes(dataset)

    def _dataset(self, name: str) -> Dataset:
        if name == "segmentation.dcm":
            return self._segmentation
        if name == "sr.dcm":
            return measurement_report(
                self.series, self.labels, self.meshed, self._sources, self._segmentation, self.provenance
            )
        if name == "rtstruct.dcm":
            return structure_set(self.series, self.labels, self._sources, self.provenance)
        return self._surfaces[name]
