"""Results that persons corrected and accepted, as `viscera corrections export` writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from shared.arrays import UInt8
from shared.imaging.formats import read_scan
from shared.imaging.geometry import to_axial
from shared.imaging.volume import ORGANS
from training.dataset.cases import IGNORE, Case


def corrected_results(folder: Path) -> Iterator[Case]:
    """Cases of a folder with NAME.json, NAME_image.nii.gz and NAME_labels.nii.gz; none where there is no folder.

    Labels go by their names. Organs that the result's label set does not have may be anywhere: outside its labels
    every pixel is then IGNORE.
    """
    for path in sorted(folder.glob("*.json")):
        about = json.loads(path.read_text())
        scan = read_scan(path.with_name(f"{path.stem}_image.nii.gz"), modality=about["modality"])
        outlines = read_scan(path.with_name(f"{path.stem}_labels.nii.gz"), modality="MR")
        turn = to_axial(scan.geometry)
        labels = turn.apply(_by_name(outlines.data, about["labels"]))
        data = turn.apply(scan.data)
        yield Case(path.stem, about["patient"], "volume", scan.modality, turn.target.spacing, data, labels)


def _by_name(values: Any, ids: dict[str, int]) -> UInt8:
    """Labels (slice, row, column) as the networks have them, from the ids of a result's own label set."""
    known = {organ.name: organ.id for organ in ORGANS}
    elsewhere = 0 if set(known) <= set(ids) else IGNORE
    table = np.full(256, elsewhere, dtype=np.uint8)
    for name, value in ids.items():
        table[value] = known.get(name, 0)
    labels: UInt8 = table[np.asarray(values, dtype=np.uint8)]
    return labels
