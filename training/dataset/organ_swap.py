"""Real slices with the organ shapes of other patients: copy-paste augmentation (Ghiasi et al. 2021) within organs.

The organs of a labelled slice are inpainted with the tissue around them. Then the outlines of another scan, chosen to
overlap the original organs, are filled with contents from organs of the same kind. A network therefore can't learn
the layout of the few training patients by heart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from shared.arrays import Bool, Float32, UInt8
from shared.imaging.input_spec import InputSpec
from training.dataset.cases import Case, Scan, as_scan, load_cases, organ_mask, save_case

Rng = np.random.Generator
MIN_PIXELS = 60
"""Smallest component of an organ, in pixels, whose content is used."""


@dataclass(frozen=True, slots=True, eq=False)
class OrganBank:
    """Material for swaps: outlined slices, and by organ the (image, mask) of components of real organs."""

    outlines: list[UInt8]
    contents: dict[int, list[tuple[UInt8, Bool]]]


def fill_bank(scans: list[Scan], shapes: list[Scan]) -> OrganBank:
    """A bank with the outlines of all `shapes` slices that show an organ and the contents of all real `scans`."""
    outlines = [labels for shape in shapes for labels in shape.labels if (labels > 0).sum() > MIN_PIXELS]
    contents: dict[int, list[tuple[UInt8, Bool]]] = {1: [], 2: [], 3: []}
    for scan in scans:
        for image, labels in zip(scan.image, scan.labels, strict=True):
            for organ, components in contents.items():
                components.extend(_components(image, labels == organ))
    return OrganBank(outlines, contents)


def _components(image: UInt8, mask: Bool) -> Iterator[tuple[UInt8, Bool]]:
    count, parts = cv2.connectedComponents(mask.astype(np.uint8))
    for part in range(1, count):
        inside = parts == part
        if inside.sum() > MIN_PIXELS:
            box = ndimage.find_objects(inside.astype(np.uint8))[0]
            yield image[box], inside[box]


def organ_swaps(scan: Scan, bank: OrganBank, count: int, rng: Rng) -> Case:
    """`count` slices with swapped organs, as a case of single slices on the scan's pixels."""
    shown = _shown(scan)
    pairs = []
    for _ in range(count):
        index = int(rng.choice(shown))
        pairs.append(swap_organs(rng, scan.image[index], scan.labels[index], bank))
    return Case(
        name=f"transplant_{scan.case.name}",
        patient=scan.case.patient,
        kind="slices",
        modality="MR",
        spacing=(scan.case.spacing[0], 1.5, 1.5),
        data=np.stack([image for image, _ in pairs]),
        labels=np.stack([labels for _, labels in pairs]),
    )


def shows_enough(scan: Scan) -> bool:
    """Whether a slice of the scan shows enough of the organs for a swap."""
    return bool(_shown(scan))


def _shown(scan: Scan) -> list[int]:
    return [index for index, labels in enumerate(scan.labels) if organ_mask(labels).sum() > MIN_PIXELS]


def swap_organs(rng: Rng, image: UInt8, labels: UInt8, bank: OrganBank) -> tuple[UInt8, UInt8]:
    """One slice (rows, columns) and its labels, with other organs."""
    target = _similar_outline(rng, labels, bank.outlines)
    target[_outside_body(image)] = 0
    out = _without_organs(rng, image, labels).astype(np.float32)
    for organ in (1, 2, 3):
        count, parts = cv2.connectedComponents((target == organ).astype(np.uint8))
        for part in range(1, count):
            _paste(rng, out, parts == part, bank.contents[organ])
    return np.clip(np.rint(out), 0, 255).astype(np.uint8), target


def write_organ_swaps(data: Path, held_out: tuple[str, ...], count: int, seed: int = 5) -> Iterator[str]:
    """Write a case `transplant_NAME` beside each real labelled case of `data/cases`; yields their names.

    Patients in `held_out` contribute nothing: no body, no shape, no content.
    """
    cases = [case for case in load_cases(data / "cases") if case.kind in ("slices", "volume")]
    real = [
        as_scan(case, InputSpec()) for case in cases if case.name.startswith("case") and case.patient not in held_out
    ]
    shapes = [case for case in load_cases(data / "shapes") if case.patient not in held_out]
    bank = fill_bank(real, [Scan(case, case.labels, case.labels, 1) for case in shapes])
    rng = np.random.default_rng(seed)
    for scan in real:
        swapped = organ_swaps(scan, bank, count if len(scan.image) == 1 else 12 * count, rng)
        save_case(swapped, data / "cases")
        yield swapped.name


def _similar_outline(rng: Rng, labels: UInt8, outlines: list[UInt8], trials: int = 60) -> UInt8:
    """The outline, of `trials` random ones moved onto these labels, that overlaps them best."""
    best, best_score = np.zeros_like(labels), -1.0
    organs = organ_mask(labels)
    for number in rng.choice(len(outlines), min(trials, len(outlines)), replace=False):
        moved = _moved_onto(rng, outlines[number], organs)
        same = (moved == labels) & organs
        score = (2.0 * same.sum() + ((moved > 0) & organs).sum()) / (organs.sum() + (moved > 0).sum())
        if score > best_score:
            best, best_score = moved, float(score)
    return best


def _moved_onto(rng: Rng, outline: UInt8, organs: Bool) -> UInt8:
    """An outline scaled by up to 15 % and moved so that its centroid is about that of the organs."""
    target, source = (np.argwhere(mask).mean(axis=0) for mask in (organs, outline > 0))
    zoom = np.exp(rng.uniform(-0.15, 0.15))
    down, right = target - zoom * source + rng.uniform(-5, 5, 2)
    matrix = np.array([[zoom, 0.0, right], [0.0, zoom, down]])
    moved = cv2.warpAffine(outline, matrix, organs.shape[::-1], flags=cv2.INTER_NEAREST)
    return np.asarray(moved, dtype=np.uint8)


def _outside_body(image: UInt8) -> Bool:
    # Eroded by 8 pixels: no organ reaches the skin.
    body = ndimage.binary_fill_holes(cv2.GaussianBlur(image, (0, 0), 2) > 24)
    outside: Bool = ~ndimage.binary_erosion(body, iterations=8)
    return outside


def _without_organs(rng: Rng, image: UInt8, labels: UInt8) -> UInt8:
    """The slice with its organs inpainted from the tissue around them, with some texture."""
    organs = cv2.dilate(organ_mask(labels).astype(np.uint8), np.ones((3, 3), dtype=np.uint8))
    painted = cv2.inpaint(image, organs, 4, cv2.INPAINT_TELEA).astype(np.float32)
    texture = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), rng.uniform(0.8, 2.5))
    painted += organs * texture / texture.std() * rng.uniform(5.0, 22.0)
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def _paste(rng: Rng, out: Float32, component: Bool, contents: list[tuple[UInt8, Bool]]) -> None:
    """Fill one component of an organ in `out` with content of a similar bounding box."""
    box = ndimage.find_objects(component.astype(np.uint8))[0]
    inside = component[box]
    candidates = [contents[i] for i in rng.choice(len(contents), min(6, len(contents)), replace=False)]
    image, mask = min(candidates, key=lambda each: _size_difference(each[1].shape, inside.shape))
    # Each pixel outside the content's mask repeats the nearest one inside, so that the resized content has no gaps.
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    whole = image[nearest[0], nearest[1]].astype(np.float32)
    texture = cv2.resize(whole, inside.shape[::-1], interpolation=cv2.INTER_LINEAR) * np.exp(rng.normal(0.0, 0.12))
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7)
    out[box] = out[box] * (1 - soft) + texture * soft


def _size_difference(size: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Sum of the absolute log ratios of two (height, width)."""
    return float(sum(abs(np.log(a / b)) for a, b in zip(size, other, strict=True)))
