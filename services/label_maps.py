"""The mesher on a label map of the user's own, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.mesher.labels import read_labels
from services.mesher.outputs import write_outputs
from services.mesher.provenance import provenance_of
from services.mesher.results import Quality
from shared.imaging.volume import Organ

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
    labels = read_labels(path, organs)
    out.mkdir(parents=True, exist_ok=True)
    outputs = write_outputs(
        labels, quality=quality, min_component=min_component, provenance=provenance_of(None), files=FILES
    )
    for name, content in outputs.items():
        (out / name).write_bytes(content)
