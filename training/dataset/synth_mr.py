"""Synthetic MR from a CT scan with segmented structures, with random contrast.

Follows SynthSeg (Billot et al. 2023): each structure gets a random grey level from its range in balanced gradient-echo
MR; the detail of the CT adds texture. Structures are TotalSegmentator v2 ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from shared.arrays import Bool, Float32, UInt8
from training.dataset.cases import Case

Rng = np.random.Generator
ORGAN_IDS = {6: 1, 18: 2, 19: 2, 20: 3}
"""TotalSegmentator id -> label: stomach, small bowel, duodenum (a small bowel here), colon."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """Structures with the range of their grey level (0 to 1)."""

    ids: tuple[int, ...]
    low: float
    high: float


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
"""Label -> grey levels (0 to 1) of the contents."""


def synth_mr_cases(case: Case, count: int, finest_mm: float = 1.4) -> Iterator[Case]:
    """`count` synthetic MR cases of a CT case whose labels are structures.

    Pixels finer than `finest_mm` are subsampled.
    """
    stride = max(1, round(finest_mm / case.spacing[1]))
    spacing = (case.spacing[0], case.spacing[1] * stride, case.spacing[2] * stride)
    structures = case.labels[:, ::stride, ::stride]
    labels = np.zeros_like(structures)
    for structure, organ in ORGAN_IDS.items():
        labels[structures == structure] = organ
    small = replace(case, spacing=spacing, data=case.data[:, ::stride, ::stride], labels=labels)
    for number in range(count):
        yield synth_mr(small, structures, number)


def synth_mr(case: Case, structures: UInt8, number: int) -> Case:
    """The CT `case` with MR contrast and the same labels; `number` is the seed.

    `structures` (slice, row, column) are TotalSegmentator ids on the grid of the case.
    """
    rng = np.random.default_rng(number)
    hounsfield = case.data.astype(np.float32)
    picture = _base_contrast(rng, hounsfield)
    for tissue in TISSUES:
        where = np.isin(structures, tissue.ids)
        picture[where] = rng.uniform(tissue.low, tissue.high) * (1 + 0.2 * _detail(hounsfield)[where])
    for organ in (1, 2, 3):
        _fill_organ(rng, picture, hounsfield, case.labels == organ, CONTENTS[organ])
    soft = np.stack([cv2.GaussianBlur(plane, (0, 0), rng.uniform(0.3, 0.6)) for plane in picture])
    data = np.clip(soft * 3000.0, 0, 4095).astype(np.uint16)
    name = f"rendered_{case.name}_{number:02d}"
    return Case(name, case.patient, "volume", "MR", case.spacing, data, case.labels)


def _base_contrast(rng: Rng, hounsfield: Float32) -> Float32:
    """Grey levels of air, lung, fat, soft tissue and bone, interpolated over Hounsfield units."""
    fat = rng.uniform(0.55, 1.0)
    soft = rng.uniform(0.15, 0.4)
    bone = rng.uniform(0.05, 0.5)
    units = [-1000.0, -400.0, -180.0, -110.0, -60.0, -10.0, 60.0, 200.0, 700.0]
    levels = [0.0, 0.03, 0.1, fat, fat * 0.9, soft * 1.2, soft, (soft + bone) / 2, bone]
    return np.asarray(np.interp(hounsfield, units, levels), dtype=np.float32)


def _detail(hounsfield: Float32) -> Float32:
    """High-frequency detail of the CT, clipped to -1 to 1: the texture of a structure with a new grey level."""
    soft = np.stack([cv2.GaussianBlur(plane, (0, 0), 3.0) for plane in hounsfield])
    return np.asarray(np.clip((hounsfield - soft) / 60.0, -1.0, 1.0), dtype=np.float32)


def _fill_organ(rng: Rng, picture: Float32, hounsfield: Float32, organ: Bool, content: tuple[float, float]) -> None:
    """Write the organ's contents into `picture`: dark gas, a slowly varying level and fine noise."""
    slow = _enlarge(rng.normal(0.0, 1.0, (8, 8, 8)).astype(np.float32), picture.shape)
    level = content[0] + (content[1] - content[0]) * np.clip(0.5 + 0.35 * slow + rng.uniform(-0.4, 0.4), 0, 1)
    fine = _enlarge(rng.normal(0.0, 1.0, (24, 32, 32)).astype(np.float32), picture.shape)
    level = level * (1 + rng.uniform(0.05, 0.4) * fine) + 0.1 * _detail(hounsfield)
    level = np.where(hounsfield < -250, rng.uniform(0.0, 0.06), level)
    picture[organ] = np.clip(level, 0.0, 1.0)[organ]


def _enlarge(coarse: Float32, shape: tuple[int, ...]) -> Float32:
    """Coarse noise interpolated to `shape` (slice, row, column)."""
    planes = np.stack([cv2.resize(plane, shape[:0:-1], interpolation=cv2.INTER_CUBIC) for plane in coarse])
    position = np.linspace(0, len(planes) - 1, shape[0])
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(planes) - 1)
    weight = (position - low).astype(np.float32)[:, None, None]
    return np.asarray(planes[low] * (1 - weight) + planes[high] * weight, dtype=np.float32)
