"""The mesher on a label map of the user's own, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.mesher.core import Progress
from services.mesher.labels import read_labels
from services.mesher.outputs import write_outputs
from services.mesher.provenance import Provenance, provenance_of
from services.mesher.results import Quality
from shared.imaging.volume import LabelMap, Organ

FILES = ("model.glb", "report.json")


def mesh_labels(
    path: Path,
    out: Path,
    quality: Quality = "standard",
    min_component: float = 0.0,
    organs: Sequence[Organ] | None = None,
) -> None:
    """Turn a label map into `model.glb` and `report.json` in `out`.

    `min_component` in mL drops smaller components. `organs` names the labels; None: the file's own names.
    """
    write_result(read_labels(path, organs), out, provenance_of(None), quality=quality, min_component=min_component)


def write_result(
    labels: LabelMap,
    out: Path,
    provenance: Provenance,
    *,
    quality: Quality,
    min_component: float = 0.0,
    progress: Progress = lambda _: None,
) -> None:
    """Write `model.glb` and `report.json` of a label map to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    outputs = write_outputs(
        labels, quality=quality, min_component=min_component, provenance=provenance, files=FILES, progress=progress
    )
    for name, content in outputs.items():
        (out / name).write_bytes(content)
