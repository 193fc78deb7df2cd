"""Finds pictures that are probably of one patient, so that no patient is both learned from and measured on.

Pictures are compared within the body, without their slow changes of brightness: figures differ in window and cropping.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from shared.arrays import Float32, UInt8
from shared.imaging.input_spec import InputSpec
from shared.imaging.preprocess import BODY
from training.dataset.cases import Case, as_scan, organ_mask

SIDE, SLOW = 48, 6.0
"""Side of a picture that is compared, and the width of the changes that are left out, in its pixels."""
LIMIT = 0.7
"""Correlation from which two pictures count as one patient's: of pairs of other patients, one in 1,500 is above it, and
those that were looked at are of one patient or of very similar ones."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, as (case, slice), and their correlation, -1 to 1."""

    correlation: float
    first: tuple[Case, int]
    second: tuple[Case, int]


def alike(cases: Sequence[Case], limit: float = LIMIT) -> Iterator[Pair]:
    """Pairs of slices of different patients with a higher correlation, the highest first."""
    slices, pictures = _pictures(cases)
    if not slices:
        return
    correlations = pictures @ pictures.T / pictures.shape[1]
    rows, columns = np.nonzero(np.triu(correlations > limit, 1))
    for at in np.argsort(-correlations[rows, columns]):
        first, second = slices[rows[at]], slices[columns[at]]
        if first[0].patient != second[0].patient:
            yield Pair(float(correlations[rows[at], columns[at]]), first, second)


def _pictures(cases: Sequence[Case]) -> tuple[list[tuple[Case, int]], Float32]:
    """The slices that show an organ and a body, and their pictures (slice, pixel) with mean 0 and deviation 1."""
    slices, pictures = [], []
    for case in cases:
        if case.name.startswith("phantom"):  # computed bodies are nobody's
            continue
        scan = as_scan(case, InputSpec(channels=1))
        for index in np.flatnonzero(organ_mask(scan.labels).any(axis=(1, 2))):
            picture = _picture(scan.image[index])
            if picture is not None:
                slices.append((case, int(index)))
                pictures.append(picture)
    return slices, np.stack(pictures) if pictures else np.zeros((0, SIDE * SIDE), np.float32)


def _picture(image: UInt8) -> Float32 | None:
    """The body in a slice (rows, columns) as SIDE x SIDE pixels, flat; None without a body."""
    body = image > BODY
    spans = [np.flatnonzero(body.mean(axis=1 - axis) > 0.05) for axis in (0, 1)]
    if min(map(len, spans)) < 20:
        return None
    box = tuple(slice(span[0], span[-1] + 1) for span in spans)
    small = cv2.resize(image[box], (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fast = small - cv2.GaussianBlur(small, (0, 0), SLOW)
    picture: Float32 = ((fast - fast.mean()) / (fast.std() + 1e-6)).ravel()
    return picture


def with_joined_patients(cases: Sequence[Case], limit: float = LIMIT) -> list[Case]:
    """The cases, those of patients with alike pictures as of one patient: the first of their names."""
    joined: dict[str, str] = {}

    def first(name: str) -> str:
        while name in joined:
            name = joined[name]
        return name

    for pair in alike(cases, limit):
        low, high = sorted({first(pair.first[0].patient), first(pair.second[0].patient)} | {""})[-2:]
        if low:
            joined[high] = low
    return [replace(case, patient=first(case.patient)) for case in cases]


def apart(new: Sequence[Case], known: Sequence[Case], limit: float = LIMIT) -> tuple[list[Case], list[Case]]:
    """New cases and known ones, joined by their pictures; a new one that looks like a known patient is known."""
    joined = with_joined_patients([*new, *known], limit)
    seen = {case.patient for case in joined[len(new) :]}
    fresh = [case for case in joined[: len(new)] if case.patient not in seen]
    return fresh, [*joined[len(new) :], *(case for case in joined[: len(new)] if case.patient in seen)]
