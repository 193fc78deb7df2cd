"""The files of one job that the mesher makes."""

from __future__ import annotations

from collections.abc import Callable, Collection

from services.mesher.core import mesh
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
    "model.glb": lambda meshed, origin: to_glb(meshed.organs, origin),
    "model.meshopt.glb": lambda meshed, origin: to_glb(meshed.organs, origin, "meshopt"),
    "model.quantized.glb": lambda meshed, origin: to_glb(meshed.organs, origin, "quantized"),
    "model.stl": lambda meshed, _: to_stl(meshed.organs),
    "model.obj.zip": lambda meshed, _: to_obj_zip(meshed.organs),
    "model.3mf": lambda meshed, _: to_3mf(meshed.organs),
    "thumbnail.png": lambda meshed, _: thumbnail_png(meshed.organs),
    "report.json": lambda meshed, origin: build_report(meshed, origin).model_dump_json(indent=1).encode(),
}
LEVELS = "model.lod.glb"
FILES = (*_WRITERS, LEVELS)
"""All names `produce` knows."""
_COARSER: dict[Quality, tuple[Quality, ...]] = {"fine": ("standard", "light"), "standard": ("light",), "light": ()}


def produce(
    label_map: LabelMap,
    *,
    quality: Quality = "standard",
    min_component: float = 0.0,
    provenance: Provenance | None = None,
    files: Collection[str] = FILES,
    series: tuple[str, Origin] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, bytes]:
    """Mesh a label map and write the asked files: name to bytes.

    `series` is (job, DICOM series) of a scan from DICOM, whose result is written as DICOM too. `min_component` in mL
    drops smaller pieces; `progress` is told the fraction done. An unknown file name is a
    KeyError.
    """
    writers = {name: _WRITERS[name] for name in files if name != LEVELS}
    meshed = mesh(label_map, quality, min_component, lambda done: progress(done * 0.7))
    origin = provenance or Provenance()
    made = {}
    for number, (name, write) in enumerate(writers.items()):
        made[name] = write(meshed, origin)
        progress(0.7 + 0.3 * (number + 1) / len(writers))
    if LEVELS in files:
        coarser = [mesh(label_map, less, min_component).organs for less in _COARSER[quality]]
        made[LEVELS] = to_glb(meshed.organs, origin, "meshopt", coarser)
    if series is not None:
        from services.mesher.dicom import to_dicom  # highdicom takes its time to load

        made |= to_dicom(series[0], label_map, meshed, series[1], origin)
    return made
