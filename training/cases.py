"""Prepared cases: a scan or single slices with labels, on disk as one compressed file each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from shared.card import Input
from shared.geometry import Geometry
from shared.preprocess import normalise, resample
from shared.volume import Modality, Volume

Kind = Literal["volume", "slices", "shape", "unlabelled"]
UNKNOWN = 255
"""Label of a pixel of which nothing is known; it counts neither for nor against."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One scan as it came: `data` (slices, rows, columns) towards the feet, `labels` uint8 on the same grid.

    `spacing` is (slice, row, column) mm. Of kind "slices", neighbouring slices have nothing to do with each other;
    of kind "shape" there are labels and no image; of kind "unlabelled" every label is UNKNOWN.
    """

    name: str
    patient: str
    kind: Kind
    modality: Modality
    spacing: tuple[float, float, float]
    data: NDArray[Any]
    labels: NDArray[np.uint8]

    @property
    def outlined(self) -> bool:
        """Whether this very picture has true labels: nothing rendered, transplanted, guessed or unlabelled."""
        made = self.name.startswith(("rendered", "pseudo", "transplant"))
        return self.kind in {"volume", "slices"} and not made


def save_case(case: Case, folder: Path) -> None:
    """Write `folder/name.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = np.array([case.name, case.patient, case.kind, case.modality])
    np.savez_compressed(
        folder / f"{case.name}.npz", data=case.data, labels=case.labels, spacing=np.array(case.spacing), facts=facts
    )


def load_case(path: Path) -> Case:
    """Read what `save_case` wrote."""
    with np.load(path) as file:
        name, patient, kind, modality = (str(fact) for fact in file["facts"])
        dz, dy, dx = (float(mm) for mm in file["spacing"])
        data, labels = file["data"], file["labels"]
    return Case(name, patient, cast(Kind, kind), cast(Modality, modality), (dz, dy, dx), data, labels)


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder, in the order of their names."""
    return [load_case(path) for path in sorted(folder.glob("*.npz"))]


def patient_of(name: str) -> str:
    """The patient of a UW-Madison name: "case101_day20_slice_0078" -> "case101"."""
    found = re.match(r"case\d+", name)
    return found.group(0) if found else name


def volumes_of(case: Case) -> list[Volume]:
    """The case as the stages take it: one volume, or one of a single slice for each unrelated slice."""
    step = 1 if case.kind == "slices" else len(case.data)
    parts = [case.data[start : start + step] for start in range(0, len(case.data), step)]
    return [Volume(part, _axial_grid(part, case.spacing), case.modality, "png") for part in parts]


def _axial_grid(data: NDArray[Any], spacing: tuple[float, float, float]) -> Geometry:
    slices, rows, columns = data.shape
    return Geometry.from_spacing((slices, rows, columns), spacing, directions=(1, 1, -1))


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A case as a network sees it: uint8 `image` and `labels` (slices, rows, columns) on the network's pixels.

    `step` is the distance in slices to the neighbours that the network sees too; 0 where it sees slices alone.
    """

    case: Case
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    step: int

    def neighbours(self, index: int) -> tuple[int, int, int]:
        """Indices of the slice before, the slice itself and the slice after, as far as there are any to be seen."""
        if self.case.kind == "slices":
            return index, index, index
        last = len(self.image) - 1
        return max(index - self.step, 0), index, min(index + self.step, last)


def as_scan(case: Case, wants: Input) -> Scan:
    """Normalise a case and bring it to the network's pixel size, as serving does."""
    rows = round(case.data.shape[1] * case.spacing[1] / wants.spacing_mm)
    columns = round(case.data.shape[2] * case.spacing[2] / wants.spacing_mm)
    grey = normalise(case.data, case.modality, wants.normalisation)
    image = np.stack([resample(one, (rows, columns)) for one in grey])
    labels = np.stack([shrink_labels(one, (rows, columns)) for one in case.labels])
    step = max(1, round(wants.slice_mm / case.spacing[0])) if wants.channels > 1 else 0
    return Scan(case, image, labels, step)


def shrink_labels(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels (rows, columns) on another number of pixels: each takes the label that covers most of it."""
    if labels.shape == size:
        return labels
    import cv2

    values = np.unique(labels)
    shares = [cv2.resize((labels == v).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for v in values]
    return np.asarray(values[np.argmax(shares, axis=0)], dtype=np.uint8)
