"""Previews of prepared cases: a table with statistics, and pictures of slices with their outlines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from shared.arrays import UInt8
from shared.imaging.input_spec import Normalisation
from shared.imaging.preprocess import normalise
from shared.imaging.volume import ORGANS
from training.dataset.cases import Case, organ_mask


def overlay_organs(grey: UInt8, labels: UInt8) -> UInt8:
    """Grey levels (rows, columns) with half-transparent organs in their colours, as BGR (rows, columns, 3)."""
    picture = np.repeat(grey[..., None], 3, axis=2)
    for organ in ORGANS:
        where = labels == organ.id
        picture[where] = (0.5 * picture[where] + 0.5 * np.array(organ.colour[::-1])).astype(np.uint8)
    return picture


def contact_sheet(case: Case, count: int = 8, side: int = 240) -> UInt8:
    """Up to `count` slices spread over those with an organ, as BGR (rows, columns, 3): plain above, outlined below.

    A case of kind "shape" has its outlines on black.
    """
    shown = np.flatnonzero(organ_mask(case.labels).any(axis=(1, 2)))
    candidates = shown if shown.size else np.arange(len(case.labels))
    chosen = candidates[np.unique(np.linspace(0, len(candidates) - 1, min(count, len(candidates))).round().astype(int))]
    if case.kind == "shape":
        grey = np.zeros(case.labels[chosen].shape, dtype=np.uint8)
    else:
        grey = normalise(case.data[chosen], case.modality, Normalisation())
    columns = []
    for image, labels in zip(grey, case.labels[chosen], strict=True):
        both = np.vstack([np.repeat(image[..., None], 3, axis=2), overlay_organs(image, labels)])
        columns.append(cv2.resize(both, (side, 2 * side), interpolation=cv2.INTER_AREA))
    return np.hstack(columns)


HEADING = (
    "| case | patient | kind | modality | slices x rows x columns | mm | grey 1 / 50 / 99 % | "
    + " | ".join(f"{organ.title}: slices, mL" for organ in ORGANS)
    + " |"
)


def table_row(case: Case) -> str:
    """One line of the table: kind, grid, grey levels, slices and volume of each organ."""
    size = " x ".join(str(n) for n in case.labels.shape)
    mm = " x ".join(f"{step:.2f}" for step in case.spacing)
    grey = "-" if case.kind == "shape" else " / ".join(f"{v:.0f}" for v in np.percentile(case.data, (1, 50, 99)))
    millilitres = float(np.prod(case.spacing)) / 1000.0
    organs = []
    for organ in ORGANS:
        mask = case.labels == organ.id
        organs.append(f"{int(mask.any(axis=(1, 2)).sum())}, {mask.sum() * millilitres:.0f}")
    return f"| {' | '.join([case.name, case.patient, case.kind, case.modality, size, mm, grey, *organs])} |"


def write_sheet(case: Case, folder: Path) -> None:
    """Write `folder/NAME.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{case.name}.png"), contact_sheet(case))


def write_table(rows: list[str], path: Path) -> None:
    """Write the table of all cases as Markdown."""
    head = ["# Prepared cases", "", HEADING, "|" + "---|" * HEADING.count(" | ") + "---|"]
    path.write_text("\n".join([*head, *rows]) + "\n")
