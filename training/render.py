"""Magnetic resonance pictures made from a CT scan with outlined structures, contrast drawn at random.

After SynthSeg (Billot et al. 2023): every structure gets a grey level of its own, drawn from the range it has in
balanced gradient-echo MR; the CT's own detail adds texture. Structures are TotalSegmentator v2 ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.cases import Case

Floats = NDArray[np.float32]
Rng = np.random.Generator
ORGAN_IDS = {6: 1, 18: 2, 19: 2, 20: 3}
"""Stomach, small bowel, duodenum and colon in TotalSegmentator's ids, and here."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """The least and largest grey level (0 to 1) that a structure may have."""

    ids: tuple[int, ...]
    least: float
    most: float


TISSUES = (
    Tissue((1,), 0.25, 0.6),  # spleen
    Tissue((2, 3), 0.25, 0.7),  # kidneys
    Tissue((4,), 0.3, 0.9),  # gallbladder
    Tissue((5,), 0.1, 0.35),  # liver
    Tissue((7,), 0.25, 0.5),  # pancreas
    Tissue((21, 22), 0.4, 1.0),  # bladder, prostate
    Tissue(tuple(range(51, 69)), 0.3, 0.9),  # heart and vessels
    Tissue(tuple(range(25, 51)), 0.3, 0.7),  # vertebrae
    Tissue(tuple(range(69, 92)), 0.12, 0.4),  # bones of the limbs, muscles
)
CONTENTS = {1: (0.05, 0.75), 2: (0.15, 0.7), 3: (0.02, 0.6)}
"""What may fill the stomach, the small and the large bowel."""


def renderings(case: Case, count: int, finest_mm: float = 1.4) -> Iterator[Case]:
    """`count` renderings of a CT case whose labels are structures; pixels finer than `finest_mm` are thinned out."""
    thin = max(1, round(finest_mm / case.spacing[1]))
    spacing = (case.spacing[0], case.spacing[1] * thin, case.spacing[2] * thin)
    structures = case.labels[:, ::thin, ::thin]
    labels = np.zeros_like(structures)
    for structure, organ in ORGAN_IDS.items():
        labels[structures == structure] = organ
    small = replace(case, spacing=spacing, data=case.data[:, ::thin, ::thin], labels=labels)
    for number in range(count):
        yield render(small, structures, number)


def render(case: Case, structures: NDArray[np.uint8], number: int) -> Case:
    """A case with the outlines of a CT `case` and the contrast of an MR scan; `number` is the seed.

    `structures` (slice, row, column) are TotalSegmentator ids on the case's grid.
    """
    rng = np.random.default_rng(number)
    hounsfield = case.data.astype(np.float32)
    picture = _ground(rng, hounsfield)
    for tissue in TISSUES:
        where = np.isin(structures, tissue.ids)
        picture[where] = rng.uniform(tissue.least, tissue.most) * (1 + 0.2 * _detail(hounsfield)[where])
    for organ in (1, 2, 3):
        _fill(rng, picture, hounsfield, case.labels == organ, CONTENTS[organ])
    soft = np.stack([cv2.GaussianBlur(one, (0, 0), rng.uniform(0.3, 0.6)) for one in picture])
    data = np.clip(soft * 3000.0, 0, 4095).astype(np.uint16)
    name = f"rendered_{case.name}_{number:02d}"
    return Case(name, case.patient, "volume", "MR", case.spacing, data, case.labels)


def _ground(rng: Rng, hounsfield: Floats) -> Floats:
    """Air, lung, fat, soft tissue and bone by their Hounsfield units."""
    fat = rng.uniform(0.55, 1.0)
    soft = rng.uniform(0.15, 0.4)
    bone = rng.uniform(0.05, 0.5)
    at = [-1000.0, -400.0, -180.0, -110.0, -60.0, -10.0, 60.0, 200.0, 700.0]
    levels = [0.0, 0.03, 0.1, fat, fat * 0.9, soft * 1.2, soft, (soft + bone) / 2, bone]
    return np.asarray(np.interp(hounsfield, at, levels), dtype=np.float32)


def _detail(hounsfield: Floats) -> Floats:
    """Texture of the CT, about -1 to 1, that stays when a structure gets a new grey level."""
    soft = np.stack([cv2.GaussianBlur(one, (0, 0), 3.0) for one in hounsfield])
    return np.asarray(np.clip((hounsfield - soft) / 60.0, -1.0, 1.0), dtype=np.float32)


def _fill(
    rng: Rng, picture: Floats, hounsfield: Floats, organ: NDArray[np.bool_], content: tuple[float, float]
) -> None:
    """Gas is dark; each stretch of the organ has its own content, a little mottled."""
    change = rng.normal(0.0, 1.0, (8, 8, 8)).astype(np.float32)
    slow = _enlarge(change, picture.shape)
    level = content[0] + (content[1] - content[0]) * np.clip(0.5 + 0.35 * slow + rng.uniform(-0.4, 0.4), 0, 1)
    mottled = _enlarge(rng.normal(0.0, 1.0, (24, 32, 32)).astype(np.float32), picture.shape)
    level = level * (1 + rng.uniform(0.05, 0.4) * mottled) + 0.1 * _detail(hounsfield)
    level = np.where(hounsfield < -250, rng.uniform(0.0, 0.06), level)
    picture[organ] = np.clip(level, 0.0, 1.0)[organ]


def _enlarge(coarse: Floats, shape: tuple[int, ...]) -> Floats:
    """Coarse noise on the grid of the scan, smooth along all three axes."""
    planes = np.stack([cv2.resize(one, shape[:0:-1], interpolation=cv2.INTER_CUBIC) for one in coarse])
    at = np.linspace(0, len(planes) - 1, shape[0])
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(planes) - 1)
    part = (at - low).astype(np.float32)[:, None, None]
    return np.asarray(planes[low] * (1 - part) + planes[high] * part, dtype=np.float32)
