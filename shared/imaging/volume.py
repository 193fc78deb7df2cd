"""The types that stages pass to each other: scans, slice scores and label maps on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shared.imaging.confidence import Confidence
from shared.imaging.geometry import Geometry

Modality = Literal["MR", "CT"]
SourceFormat = Literal["png", "nifti", "nrrd", "mgh", "dicom"]


@dataclass(frozen=True, slots=True)
class Organ:
    """One organ: label id, node name, display name, SNOMED CT code (None: unknown) and colour (sRGB, 0 to 255).

    `category` (None: anatomical structure), `modifier` (left, right) and `region` are SNOMED CT codes. `meaning` is
    that of `snomed`; empty: the display name.
    """

    id: int
    name: str
    title: str
    snomed: str | None
    colour: tuple[int, int, int]
    category: str | None = None
    modifier: str | None = None
    region: str | None = None
    meaning: str = ""


# Palette of Okabe and Ito: its hues differ for the common colour-vision deficiencies.
STOMACH = Organ(1, "stomach", "Stomach", "69695003", (230, 159, 0))
SMALL_BOWEL = Organ(2, "small_bowel", "Small bowel", "30315005", (86, 180, 233))
LARGE_BOWEL = Organ(3, "large_bowel", "Large bowel", "71854001", (213, 94, 0))
ORGANS = (STOMACH, SMALL_BOWEL, LARGE_BOWEL)


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A scan: `data` is (slice, row, column), any real dtype, on `geometry`; CT is in Hounsfield units.

    `warnings` are stable codes that the report repeats. `further` are the other images of a scan of several channels
    (two sequences of one patient, for example), each like `data` and on the same grid.
    """

    data: NDArray[Any]
    geometry: Geometry
    modality: Modality
    source: SourceFormat
    warnings: tuple[str, ...] = ()
    further: tuple[NDArray[Any], ...] = ()

    def __post_init__(self) -> None:
        for image in self.images:
            if image.shape != self.geometry.shape:
                raise ValueError(f"data {image.shape} does not fit the grid {self.geometry.shape}")

    @property
    def images(self) -> tuple[NDArray[Any], ...]:
        """Return the images of all channels, the first one first."""
        return (self.data, *self.further)


@dataclass(frozen=True, slots=True, eq=False)
class SliceScores:
    """The classifier's result for each axial slice (of the volume turned by `to_axial`).

    `scores` is float32 (slices, organs), the probability that the slice shows the organ, or NaN where it was not
    needed; `keep` is bool (slices,).
    """

    scores: NDArray[np.float32]
    keep: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """One label id per voxel: `data` is uint8 (slice, row, column), 0 background, on `geometry`.

    `organs` are the labels whose names are known, in the order of their ids. `confidence` is that of the model that
    drew the outlines, where it is known.
    """

    data: NDArray[np.uint8]
    geometry: Geometry
    warnings: tuple[str, ...] = ()
    organs: tuple[Organ, ...] = ORGANS
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        if self.data.shape != self.geometry.shape or self.data.dtype != np.uint8:
            raise ValueError(f"a label map is uint8 on its grid, not {self.data.dtype} {self.data.shape}")
