"""Real slices with other people's organ shapes: bodies stay, organs change, so that no layout is learned by heart.

The organs of a labelled slice are painted over with the tissue around them; then the outlines of another scan, chosen
to lie roughly where the organs lay, are filled with content taken from organs of the same kind in labelled slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shared.imaging.input_spec import InputSpec
from training.cases import UNKNOWN, Case, Scan, as_scan, load_cases, save_case

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rng = np.random.Generator
SMALLEST = 60
"""Pixels below which a part of an organ gives no content."""


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """What can be put together: outlined slices, and by organ the (image, mask) of parts of real organs."""

    outlines: list[Bytes]
    contents: dict[int, list[tuple[Bytes, NDArray[np.bool_]]]]


def fill_bank(scans: list[Scan], shapes: list[Scan]) -> Bank:
    """Outlines of all `shapes` slices that show an organ; contents of all real `scans`."""
    outlines = [labels for shape in shapes for labels in shape.labels if (labels > 0).sum() > SMALLEST]
    contents: dict[int, list[tuple[Bytes, NDArray[np.bool_]]]] = {1: [], 2: [], 3: []}
    for scan in scans:
        for image, labels in zip(scan.image, scan.labels, strict=True):
            for organ, found in contents.items():
                found.extend(_parts(image, labels == organ))
    return Bank(outlines, contents)


def _parts(image: Bytes, mask: NDArray[np.bool_]) -> Iterator[tuple[Bytes, NDArray[np.bool_]]]:
    count, marks = cv2.connectedComponents(mask.astype(np.uint8))
    for part in range(1, count):
        inside = marks == part
        if inside.sum() > SMALLEST:
            box = ndimage.find_objects(inside.astype(np.uint8))[0]
            yield image[box], inside[box]


def transplants(scan: Scan, bank: Bank, count: int, rng: Rng) -> Case:
    """`count` slices with new organs, as a case of single slices on the scan's pixels."""
    shown = [i for i, labels in enumerate(scan.labels) if ((labels > 0) & (labels < UNKNOWN)).sum() > SMALLEST]
    images, labels = [], []
    for _ in range(count):
        index = int(rng.choice(shown))
        image, marks = transplant(rng, scan.image[index], scan.labels[index], bank)
        images.append(image)
        labels.append(marks)
    name = f"transplant_{scan.case.name}"
    spacing = (scan.case.spacing[0], 1.5, 1.5)
    return Case(name, scan.case.patient, "slices", "MR", spacing, np.stack(images), np.stack(labels))


def transplant(rng: Rng, image: Bytes, labels: Bytes, bank: Bank) -> tuple[Bytes, Bytes]:
    """One slice (rows, columns) and its labels with other organs."""
    wanted = _outline_like(rng, labels, bank.outlines)
    wanted[_not_body(image)] = 0
    out = _without(rng, image, labels).astype(np.float32)
    for organ in (1, 2, 3):
        count, marks = cv2.connectedComponents((wanted == organ).astype(np.uint8))
        for part in range(1, count):
            _put(rng, out, marks == part, bank.contents[organ])
    return np.clip(np.rint(out), 0, 255).astype(np.uint8), wanted


def write_transplants(data: Path, held_out: tuple[str, ...], count: int, seed: int = 5) -> Iterator[str]:
    """Write cases `transplant_NAME` beside the real labelled cases of `data/cases`; yields their names.

    Nothing of the patients held out goes into them, neither body nor shape nor content.
    """
    cases = [case for case in load_cases(data / "cases") if case.kind in ("slices", "volume")]
    real = [
        as_scan(case, InputSpec()) for case in cases if case.name.startswith("case") and case.patient not in held_out
    ]
    drawn = [case for case in load_cases(data / "shapes") if case.patient not in held_out]
    bank = fill_bank(real, [Scan(case, case.labels, case.labels, 1) for case in drawn])
    rng = np.random.default_rng(seed)
    for scan in real:
        made = transplants(scan, bank, count if len(scan.image) == 1 else 12 * count, rng)
        save_case(made, data / "cases")
        yield made.name


def _outline_like(rng: Rng, labels: Bytes, outlines: list[Bytes], looks: int = 60) -> Bytes:
    """Of some outlines drawn at random, the one that overlaps these labels best, moved onto them."""
    best, score = np.zeros_like(labels), -1.0
    organs = (labels > 0) & (labels < UNKNOWN)
    for number in rng.choice(len(outlines), min(looks, len(outlines)), replace=False):
        moved = _onto(rng, outlines[number], organs)
        same = (moved == labels) & organs
        near = (2.0 * same.sum() + ((moved > 0) & organs).sum()) / (organs.sum() + (moved > 0).sum())
        if near > score:
            best, score = moved, float(near)
    return best


def _onto(rng: Rng, outline: Bytes, organs: NDArray[np.bool_]) -> Bytes:
    """An outline moved so that its middle lies on the organs' middle, scaled by up to 15 %."""
    there, here = (np.argwhere(mask).mean(axis=0) for mask in (organs, outline > 0))
    zoom = np.exp(rng.uniform(-0.15, 0.15))
    down, right = there - zoom * here + rng.uniform(-5, 5, 2)
    matrix = np.array([[zoom, 0.0, right], [0.0, zoom, down]])
    moved = cv2.warpAffine(outline, matrix, organs.shape[::-1], flags=cv2.INTER_NEAREST)
    return np.asarray(moved, dtype=np.uint8)


def _not_body(image: Bytes) -> NDArray[np.bool_]:
    body = ndimage.binary_fill_holes(cv2.GaussianBlur(image, (0, 0), 2) > 24)
    outside: NDArray[np.bool_] = ~ndimage.binary_erosion(body, iterations=8)
    return outside


def _without(rng: Rng, image: Bytes, labels: Bytes) -> Bytes:
    """The slice with its organs painted over by the tissue around them and a little texture."""
    organs = cv2.dilate(((labels > 0) & (labels < UNKNOWN)).astype(np.uint8), np.ones((3, 3), dtype=np.uint8))
    painted = cv2.inpaint(image, organs, 4, cv2.INPAINT_TELEA).astype(np.float32)
    fine = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), rng.uniform(0.8, 2.5))
    painted += organs * fine / fine.std() * rng.uniform(5.0, 22.0)
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def _put(rng: Rng, out: Floats, part: NDArray[np.bool_], contents: list[tuple[Bytes, NDArray[np.bool_]]]) -> None:
    """Fill one part of an organ with content of about the same elongation."""
    box = ndimage.find_objects(part.astype(np.uint8))[0]
    inside = part[box]
    chosen = [contents[i] for i in rng.choice(len(contents), min(6, len(contents)), replace=False)]
    image, mask = min(chosen, key=lambda one: _unlike(one[1].shape, inside.shape))
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    whole = image[nearest[0], nearest[1]].astype(np.float32)
    texture = cv2.resize(whole, inside.shape[::-1], interpolation=cv2.INTER_LINEAR) * np.exp(rng.normal(0.0, 0.12))
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7)
    out[box] = out[box] * (1 - soft) + texture * soft


def _unlike(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """How different two boxes are in height and width, as ratios."""
    return float(sum(abs(np.log(a / b)) for a, b in zip(one, other, strict=True)))
