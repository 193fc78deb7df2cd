"""Writes the files of a job's result from its label map."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from services.mesher.core import Progress, mesh
from services.mesher.exports import to_3mf, to_obj_zip, to_stl
from services.mesher.glb import to_glb
from services.mesher.key_pictures import key_pictures
from services.mesher.provenance import Provenance, Series
from services.mesher.report import Report, build_report
from services.mesher.results import MeshedOrgans, Quality
from services.mesher.thumbnail import thumbnail_png
from services.mesher.usdz import to_usdz
from shared.artifacts import DICOM_FILES, PICTURES
from shared.imaging.volume import LabelMap, Volume

if TYPE_CHECKING:
    from services.mesher.dicom import DicomResult

_COARSER: dict[Quality, tuple[Quality, ...]] = {"fine": ("standard", "light"), "standard": ("light",), "light": ()}
_MESHING = 0.7
"""Fraction of the progress at which meshing is done."""


@dataclass(frozen=True, eq=False)
class Result:
    """One label map and what its files say; what several files need is computed once.

    `min_component` in mL drops smaller components. `series` finds the series of a scan from DICOM, `volume` opens the
    scan on the label map's grid, which key pictures show. `progress` receives the fraction of the meshing.
    """

    label_map: LabelMap
    quality: Quality = "standard"
    min_component: float = 0.0
    provenance: Provenance = field(default_factory=Provenance)
    series: Callable[[], Series] | None = None
    volume: Callable[[], AbstractContextManager[Volume]] | None = None
    progress: Progress = lambda _: None

    @cached_property
    def meshed(self) -> MeshedOrgans:
        """The surfaces of all labels."""
        return mesh(self.label_map, self.quality, self.min_component, self.progress)

    @cached_property
    def report(self) -> Report:
        """The measurements, checks and warnings of all labels."""
        return build_report(self.meshed, self.provenance)

    @cached_property
    def dicom(self) -> DicomResult:
        """The result as DICOM.

        Raises KeyError if the scan was not DICOM.
        """
        from services.mesher.dicom import DicomResult  # loading highdicom takes seconds

        if self.series is None:
            raise KeyError("the scan was not DICOM")
        return DicomResult(self.series(), self.label_map, self.meshed, self.provenance)

    def file(self, name: str) -> bytes:
        """Write one file. The same result gives the same bytes.

        Raises KeyError for an unknown name, and for key pictures without a volume.
        """
        if name in DICOM_FILES:
            return self.dicom.file(name)
        if name == PICTURES and self.volume is not None:
            with self.volume() as volume:
                return key_pictures(volume, self.label_map)
        return _WRITERS[name](self)


def _levels_of_detail(result: Result) -> bytes:
    coarser = [mesh(result.label_map, level, result.min_component).organs for level in _COARSER[result.quality]]
    return to_glb(result.meshed.organs, result.provenance, "meshopt", coarser)


_WRITERS: dict[str, Callable[[Result], bytes]] = {
    "model.glb": lambda result: to_glb(result.meshed.organs, result.provenance),
    "model.meshopt.glb": lambda result: to_glb(result.meshed.organs, result.provenance, "meshopt"),
    "model.quantized.glb": lambda result: to_glb(result.meshed.organs, result.provenance, "quantized"),
    "model.lod.glb": _levels_of_detail,
    "model.stl": lambda result: to_stl(result.meshed.organs),
    "model.obj.zip": lambda result: to_obj_zip(result.meshed.organs),
    "model.3mf": lambda result: to_3mf(result.meshed.organs),
    "model.usdz": lambda result: to_usdz(result.meshed.organs, result.provenance),
    "thumbnail.png": lambda result: thumbnail_png(result.meshed.organs),
    "report.json": lambda result: result.report.model_dump_json(indent=1).encode(),
}
FILES = tuple(_WRITERS)
"""All names that a result of any scan can have; one from DICOM has `DICOM_FILES` too."""
FIRST_FILES = ("model.glb", "report.json")
"""What a job has written when it succeeds; the other files are written at their first request."""


def files_on_request(result: Result) -> list[str]:
    """Return the names of the files that can be written later: no DICOM files where there is no organ."""
    names = [name for name in FILES if name not in FIRST_FILES]
    has_organs = any(organ.voxels for organ in result.meshed.organs)
    return [*names, *(DICOM_FILES if result.series and has_organs else ())]


def write_outputs(
    label_map: LabelMap,
    *,
    quality: Quality = "standard",
    min_component: float = 0.0,
    provenance: Provenance | None = None,
    files: Collection[str] | None = None,
    series: Series | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, bytes]:
    """Mesh a label map and return the requested `files`, or all that there can be: name to bytes.

    `series` is that of a scan from DICOM, `min_component` in mL drops smaller components. `progress` receives the
    fraction done. Raises KeyError for an unknown file name.
    """
    result = Result(
        label_map,
        quality,
        min_component,
        provenance or Provenance(),
        (lambda: series) if series else None,
        progress=lambda done: progress(done * _MESHING),
    )
    names = (*FIRST_FILES, *files_on_request(result)) if files is None else tuple(files)
    outputs = {}
    for number, name in enumerate(names):
        outputs[name] = result.file(name)
        progress(_MESHING + (1.0 - _MESHING) * (number + 1) / len(names))
    return outputs
