"""Writes the files of a job's result from its label map."""

from __future__ import annotations

from collections.abc import Callable, Collection

from services.mesher.core import Progress, mesh
from services.mesher.exports import to_3mf, to_obj_zip, to_stl
from services.mesher.glb import to_glb
from services.mesher.provenance import Provenance
from services.mesher.report import build_report
from services.mesher.results import MeshedOrgans, Quality
from services.mesher.thumbnail import thumbnail_png
from shared.imaging.formats.plan import Origin
from shared.imaging.volume import LabelMap

Writer = Callable[[MeshedOrgans, Provenance], bytes]
_WRITERS: dict[str, Writer] = {
    "model.glb": lambda meshed, provenance: to_glb(meshed.organs, provenance),
    "model.meshopt.glb": lambda meshed, provenance: to_glb(meshed.organs, provenance, "meshopt"),
    "model.quantized.glb": lambda meshed, provenance: to_glb(meshed.organs, provenance, "quantized"),
    "model.stl": lambda meshed, _: to_stl(meshed.organs),
    "model.obj.zip": lambda meshed, _: to_obj_zip(meshed.organs),
    "model.3mf": lambda meshed, _: to_3mf(meshed.organs),
    "thumbnail.png": lambda meshed, _: thumbnail_png(meshed.organs),
    "report.json": lambda meshed, provenance: build_report(meshed, provenance).model_dump_json(indent=1).encode(),
}
LEVELS = "model.lod.glb"
FILES = (*_WRITERS, LEVELS)
"""All names that `write_outputs` knows."""
_COARSER: dict[Quality, tuple[Quality, ...]] = {"fine": ("standard", "light"), "standard": ("light",), "light": ()}
_MESHING = 0.7
"""Fraction of the progress at which meshing is done."""


def write_outputs(
    label_map: LabelMap,
    *,
    quality: Quality = "standard",
    min_component: float = 0.0,
    provenance: Provenance | None = None,
    files: Collection[str] = FILES,
    series: tuple[str, Origin] | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, bytes]:
    """Mesh a label map and return the requested `files`: name to bytes.

    `series` is (job, DICOM series) of a scan from DICOM, whose result is written as DICOM too. `min_component` in mL
    drops smaller components. `progress` receives the fraction done. Raises KeyError for an unknown file name.
    """
    writers = {name: _WRITERS[name] for name in files if name != LEVELS}
    meshed = mesh(label_map, quality, min_component, lambda fraction: progress(fraction * _MESHING))
    provenance = provenance or Provenance()
    outputs = {}
    for number, (name, write) in enumerate(writers.items()):
        outputs[name] = write(meshed, provenance)
        progress(_MESHING + (1.0 - _MESHING) * (number + 1) / len(writers))
    if LEVELS in files:
        coarser = [mesh(label_map, level, min_component).organs for level in _COARSER[quality]]
        outputs[LEVELS] = to_glb(meshed.organs, provenance, "meshopt", coarser)
    if series is not None:
        from services.mesher.dicom import to_dicom  # loading highdicom takes seconds

        outputs |= to_dicom(series[0], label_map, meshed, series[1], provenance)
    return outputs
