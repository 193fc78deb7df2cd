"""Slices of figures of which perhaps only some organs are outlined: other gut is unknown, not background."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from shared.arrays import Float32, UInt8
from training.dataset.cases import IGNORE, Case, organ_mask, patient_of
from training.dataset.prepare import SLICE_MM, read_picture

FIELD_MM, BODY_MM = 399.0, 350.0
"""Side of the most common field of view, and the usual width of a body: the pixel size lies between what both say."""
LIKELY_GUT = 0.4
"""Probability of all organs together from which a pixel without an outline may be an organ's."""
NEAR_PIXELS = 9
"""Around an outline, unlabelled pixels within half as many are background: they are the outline's outer side."""


def partial_slices(folder: Path) -> Iterator[Case]:
    """One case per slice of `images/`, `labels/` and `index.csv`, at twice its size, with smooth outlines.

    The pixel size is a guess: the square root of what a usual field of view and a usual body say.
    """
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        image, labels = (read_picture(folder / part / f"{row['name']}.png") for part in ("images", "labels"))
        large = cv2.resize(image.astype(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        side = _pixel_mm(image) / 2.0
        patient = patient_of(row["matched_case"] or row["name"])
        data = np.clip(large, 0, 255).astype(np.uint8)
        yield Case(
            row["name"], patient, "slices", "MR", (SLICE_MM, side, side), data[None], _smooth_double(labels)[None]
        )


def _pixel_mm(image: UInt8) -> float:
    columns = np.flatnonzero((image > 24).mean(axis=0) > 0.15)  # as wide as the body, without noise and arms
    width = columns[-1] - columns[0] + 1 if columns.size > 20 else 100
    return float(np.clip(np.sqrt(FIELD_MM / image.shape[1] * BODY_MM / width), 2.4, 4.0))


def _smooth_double(labels: UInt8) -> UInt8:
    values = np.unique(labels)
    shares = [cv2.resize((labels == value).astype(np.float32), None, fx=2, fy=2) for value in values]
    soft = [cv2.GaussianBlur(share, (0, 0), 1.0) for share in shares]
    return np.asarray(values[np.argmax(soft, axis=0)], dtype=np.uint8)


def with_unknown_gut(case: Case, probabilities: Float32) -> Case:
    """The case of one slice with IGNORE where an organ may be that nobody outlined.

    `probabilities` (class, row, column) are a network's, of any size. Where two organs and more are outlined, more of
    the same is not expected: only likely pixels of the others are unknown.
    """
    labels = case.labels[0].copy()
    size = labels.shape[::-1]
    gut = 1.0 - cv2.resize(probabilities[0], size)
    likeliest = 1 + probabilities[1:].argmax(axis=0).astype(np.uint8)
    likeliest = cv2.resize(likeliest, size, interpolation=cv2.INTER_NEAREST)
    outlined = [label for label in (1, 2, 3) if (labels == label).any()]
    unknown = (gut > LIKELY_GUT) & (labels == 0)
    if len(outlined) > 1:
        unknown &= ~np.isin(likeliest, outlined)
    near = cv2.dilate(organ_mask(labels).astype(np.uint8), np.ones((NEAR_PIXELS, NEAR_PIXELS), np.uint8))
    labels[unknown & (near == 0)] = IGNORE
    return replace(case, labels=labels[None])
