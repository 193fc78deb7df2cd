"""Prepared cases: a scan or single slices with labels, each in one compressed file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import UInt8
from shared.imaging.geometry import Geometry
from shared.imaging.input_spec import InputSpec
from shared.imaging.preprocess import normalise, resample
from shared.imaging.volume import Modality, Volume

Kind = Literal["volume", "slices", "shape", "unlabelled"]
IGNORE = 255
"""Label of a pixel whose true label is unknown; losses and metrics leave it out."""
VALIDATION_PATIENTS = ("case101", "case110", "case119")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A scan in the axial view: `data` (slice, row, column), slices towards the feet, and uint8 `labels`.

    `spacing` is (slice, row, column) mm. In a case of kind "slices", neighbouring slices are unrelated; "shape" has
    labels and no image; in "unlabelled" every label is IGNORE, except where no organ can be.
    """

    name: str
    patient: str
    kind: Kind
    modality: Modality
    spacing: tuple[float, float, float]
    data: NDArray[Any]
    labels: UInt8

    @property
    def outlined(self) -> bool:
        """Whether this image has true labels: it is not synthetic, organ-swapped, pseudo-labelled or unlabelled."""
        synthetic = self.name.startswith(("rendered", "pseudo", "transplant"))
        return self.kind in {"volume", "slices"} and not synthetic


def shows_organ(labels: UInt8) -> bool:
    """Whether any pixel of `labels` is an organ's."""
    return bool(organ_mask(labels).any())


def organ_mask(labels: UInt8) -> NDArray[np.bool_]:
    """Where `labels` is an organ: neither background nor IGNORE."""
    return (labels > 0) & (labels < IGNORE)


def save_case(case: Case, folder: Path) -> None:
    """Write `folder/name.npz`."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = np.array([case.name, case.patient, case.kind, case.modality])
    np.savez_compressed(
        folder / f"{case.name}.npz", data=case.data, labels=case.labels, spacing=np.array(case.spacing), facts=facts
    )


def load_case(path: Path) -> Case:
    """Read a file that `save_case` wrote."""
    with np.load(path) as file:
        name, patient, kind, modality = (str(fact) for fact in file["facts"])
        dz, dy, dx = (float(mm) for mm in file["spacing"])
        data, labels = file["data"], file["labels"]
    return Case(
        name=name,
        patient=patient,
        kind=cast(Kind, kind),
        modality=cast(Modality, modality),
        spacing=(dz, dy, dx),
        data=data,
        labels=labels,
    )


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder, sorted by name."""
    return [load_case(path) for path in sorted(folder.glob("*.npz"))]


def patient_of(name: str) -> str:
    """The patient of a UW-Madison name: "case101_day20_slice_0078" -> "case101"."""
    match = re.match(r"case\d+", name)
    return match.group(0) if match else name


def volumes_of(case: Case) -> list[Volume]:
    """The case as input of the stages: one volume, or one of a single slice for each unrelated slice."""
    step = 1 if case.kind == "slices" else len(case.data)
    parts = [case.data[start : start + step] for start in range(0, len(case.data), step)]
    return [Volume(part, _axial_grid(part, case.spacing), case.modality, "png") for part in parts]


def _axial_grid(data: NDArray[Any], spacing: tuple[float, float, float]) -> Geometry:
    slices, rows, columns = data.shape
    return Geometry.from_spacing((slices, rows, columns), spacing, directions=(1, 1, -1))


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A case on the network's pixels: uint8 `image` and `labels` (slice, row, column).

    `step` is the distance in slices between channels of a stack; 0 where the network sees each slice alone.
    """

    case: Case
    image: UInt8
    labels: UInt8
    step: int

    def neighbours(self, index: int) -> tuple[int, int, int]:
        """Indices of the three channels for one slice; the ends, and slices without neighbours, repeat themselves."""
        if self.case.kind == "slices":
            return index, index, index
        last = len(self.image) - 1
        return max(index - self.step, 0), index, min(index + self.step, last)


def as_scan(case: Case, spec: InputSpec) -> Scan:
    """The case normalised and resampled to the network's pixel size, as in serving."""
    rows = round(case.data.shape[1] * case.spacing[1] / spec.spacing_mm)
    columns = round(case.data.shape[2] * case.spacing[2] / spec.spacing_mm)
    grey = normalise(case.data, case.modality, spec.normalisation)
    image = np.stack([resample(plane, (rows, columns)) for plane in grey])
    labels = np.stack([resample_labels(plane, (rows, columns)) for plane in case.labels])
    step = max(1, round(spec.slice_mm / case.spacing[0])) if spec.channels > 1 else 0
    return Scan(case, image, labels, step)


def resample_labels(labels: UInt8, size: tuple[int, int]) -> UInt8:
    """Labels (rows, columns) at another size: each pixel takes the label that covers most of it."""
    if labels.shape == size:
        return labels
    values = np.unique(labels)
    shares = [cv2.resize((labels == v).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for v in values]
    return np.asarray(values[np.argmax(shares, axis=0)], dtype=np.uint8)
