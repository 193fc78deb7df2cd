"""What was prepared, to look at: statistics of every case as a table, and slices with their outlines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.imaging.input_spec import Normalisation
from shared.imaging.preprocess import normalise
from shared.imaging.volume import ORGANS
from training.cases import UNKNOWN, Case

Picture = NDArray[np.uint8]


def paint(grey: Picture, labels: Picture) -> Picture:
    """Grey levels (rows, columns) with half-transparent organs in their colours, (rows, columns, 3) BGR."""
    picture = np.repeat(grey[..., None], 3, axis=2)
    for organ in ORGANS:
        where = (labels == organ.id) & (labels != UNKNOWN)
        picture[where] = (0.5 * picture[where] + 0.5 * np.array(organ.colour[::-1])).astype(np.uint8)
    return picture


def sheet(case: Case, most: int = 8, side: int = 240) -> Picture:
    """Up to `most` slices spread over those with an organ: as they are above, with outlines below, (rows, columns, 3).

    A case of shapes alone shows its outlines on black.
    """
    shown = np.flatnonzero(((case.labels > 0) & (case.labels < UNKNOWN)).any(axis=(1, 2)))
    among = shown if shown.size else np.arange(len(case.labels))
    chosen = among[np.unique(np.linspace(0, len(among) - 1, min(most, len(among))).round().astype(int))]
    if case.kind == "shape":
        grey = np.zeros(case.labels[chosen].shape, dtype=np.uint8)
    else:
        grey = normalise(case.data[chosen], case.modality, Normalisation())
    columns = []
    for image, labels in zip(grey, case.labels[chosen], strict=True):
        both = np.vstack([np.repeat(image[..., None], 3, axis=2), paint(image, labels)])
        columns.append(cv2.resize(both, (side, 2 * side), interpolation=cv2.INTER_AREA))
    return np.hstack(columns)


HEADING = (
    "| case | patient | kind | modality | slices x rows x columns | mm | grey 1 / 50 / 99 % | "
    + " | ".join(f"{organ.title}: slices, mL" for organ in ORGANS)
    + " |"
)


def row(case: Case) -> str:
    """One line of the table: what kind of case, its grid, its grey levels, how much of each organ it shows."""
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
    cv2.imwrite(str(folder / f"{case.name}.png"), sheet(case))


def write_table(rows: list[str], path: Path) -> None:
    """Write the table of all cases as Markdown."""
    head = ["# Prepared cases", "", HEADING, "|" + "---|" * HEADING.count(" | ") + "---|"]
    path.write_text("\n".join([*head, *rows]) + "\n")
