"""Turns the slices of a series into one evenly spaced, right-angled stack (DICOM PS3.3 C.7.6.2), or says why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from shared.errors import BadGeometry, MissingSpacing, MixedSeries, TooFewSlices
from shared.imaging.formats.dicom.selection import MANY
from shared.imaging.formats.origin import Image
from shared.imaging.geometry import Floats, Geometry

MAX_TILT = 0.0087  # tangent of half a degree between the stack and the normal of its slices
SAME_PLACE = 0.01
"""Slices closer than this many mm are at the same position."""
ROUNDING = 0.055
"""Distance in mm to the straight line that positions rounded to one decimal may have (0.05), with some room."""
_NAMES = {
    "FrameOfReferenceUID": "Frame of Reference UID",
    "EchoTime": "Echo Time",
    "EchoNumbers": "Echo Numbers",
    "AcquisitionNumber": "Acquisition Number",
    "DiffusionBValue": "Diffusion b-value",
    "TemporalPositionIdentifier": "Temporal Position Identifier",
    "TriggerTime": "Trigger Time",
    "InversionTime": "Inversion Time",
    "FlipAngle": "Flip Angle",
    "ConvolutionKernel": "Convolution Kernel",
    "ImageType": "Image Type",
}
"""Attributes that tell volumes apart, in the order in which they are looked at."""


def stack(images: Sequence[Image]) -> tuple[list[Image], Geometry, bool]:
    """Return the slices in order along their normal, their grid, and whether an odd slice was left out.

    Raises BadGeometry, MissingSpacing, MixedSeries or TooFewSlices.
    """
    slices = _without_odd_slice(_unique(images))
    if len(slices) < 2:
        raise TooFewSlices("One slice makes no volume; at least two are needed.")
    first = slices[0]
    across, down = first.axes
    normal = np.cross(across, down)
    _check_alike(slices, normal)
    order = sorted(slices, key=lambda image: float(image.position @ normal))
    positions = np.array([image.position for image in order])
    _check_one_volume(order, np.diff(positions @ normal))
    step = _step(positions, normal)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across * first.pixel[1], down * first.pixel[0], step], axis=1)
    affine[:3, 3] = order[0].position
    return order, Geometry((len(order), *first.shape), affine), len(slices) < len(_unique(images))


def _unique(images: Sequence[Image]) -> list[Image]:
    """Return the images without copies of the same instance at the same position."""
    seen: dict[tuple[object, ...], Image] = {}
    for number, image in enumerate(images):
        instance = image.sop_instance or number  # an image without UID is never a copy
        seen.setdefault((instance, image.frame, *image.position.round(3)), image)
    return list(seen.values())


def _without_odd_slice(images: list[Image]) -> list[Image]:
    """Leave out one image of another shape or orientation beside many: a localiser."""

    def shape(image: Image) -> tuple[object, ...]:
        return (image.shape, *np.concatenate(image.axes).round(2) + 0.0)

    counts = Counter(shape(image) for image in images)
    (most, count), *others = counts.most_common()
    if count >= MANY and len(others) == 1 and others[0][1] == 1:
        return [image for image in images if shape(image) == most]
    return images


def _check_alike(slices: list[Image], normal: Floats) -> None:
    first = slices[0]
    if min(first.pixel) <= 0:
        raise MissingSpacing("The DICOM images give a pixel the size of zero.")
    if abs(np.linalg.norm(normal) - 1.0) > 0.01 or not np.isfinite(normal).all():
        raise BadGeometry("The rows and columns of the DICOM images are not at right angles.")
    for image in slices:
        if image.shape != first.shape or not np.allclose(image.pixel, first.pixel, rtol=1e-3):
            raise BadGeometry("The images of the series differ in their numbers or sizes of pixels.")
        if not np.allclose(image.axes, first.axes, atol=1e-3):
            raise BadGeometry("The images of the series are turned against each other.")


def _check_one_volume(order: list[Image], gaps: Floats) -> None:
    """Refuse volumes at the same place, woven into each other, or in different frames of reference."""
    for keyword in _NAMES:
        values = [image.volume.get(keyword, "") for image in order]
        same_place = [pair for pair, gap in zip(pairwise(values), gaps, strict=True) if gap < SAME_PLACE]
        if any(one != other for one, other in same_place):
            raise MixedSeries(_sentence("has several volumes at the same place", keyword, values))
        if keyword == "FrameOfReferenceUID" and len(set(values)) > 1 and not has_own_frames(order):
            raise MixedSeries(_sentence("has several volumes", keyword, values))
        if _is_woven(values):
            raise MixedSeries(_sentence("has several volumes whose slices alternate", keyword, values))
    if gaps.min() < SAME_PLACE:
        raise BadGeometry(
            "Several images of the series are at the same position, and no attribute tells them apart; send one volume."
        )


def has_own_frames(order: Sequence[Image]) -> bool:
    """Return whether each of several slices has a frame of reference of its own, as some anonymisers write.

    Such values tell no volumes apart; positions and the other attributes do.
    """
    return len({image.volume.get("FrameOfReferenceUID", "") for image in order}) == len(order) > 2


def _is_woven(values: list[str]) -> bool:
    """Return whether groups of slices alternate: few values, several slices each, not in consecutive blocks."""
    counts = Counter(values)
    changes = sum(one != other for one, other in pairwise(values))
    return len(counts) > 1 and min(counts.values()) > 1 and changes >= len(counts)


def _sentence(problem: str, keyword: str, values: list[str]) -> str:
    distinct = sorted(set(values), key=lambda text: (len(text), text))
    shown = f"{len(distinct)} values"
    if keyword != "FrameOfReferenceUID":
        shown = ", ".join(re.sub(r"[^\w .\\-]", "", text)[:32] or "none" for text in distinct[:6])
    return f"The series {problem}: they differ in {_NAMES[keyword]} ({shown}). Send the slices of one value only."


def _step(positions: Floats, normal: Floats) -> Floats:
    """Return the step from slice to slice in mm, if it is even and along the normal."""
    along = positions @ normal
    gaps = np.diff(along)
    mean = float(gaps.mean())
    even = np.abs(gaps - mean).max() <= max(0.02 * mean, 0.05)
    # Rounded positions make single gaps uneven, but stay within the rounding of a straight line.
    line = np.polyval(np.polyfit(np.arange(len(along)), along, 1), np.arange(len(along)))
    straight = np.abs(along - line).max() <= min(ROUNDING, 0.2 * mean)
    if not even and not straight:
        raise BadGeometry(
            f"The slices are not evenly spaced: {gaps.min():.2f} to {gaps.max():.2f} mm apart; one may be missing."
        )
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    aside = positions - positions[0] - np.outer(np.arange(len(positions)), mean * normal)
    tilted = np.linalg.norm(step - (step @ normal) * normal) > MAX_TILT * mean
    if tilted or np.linalg.norm(aside, axis=1).max() > max(mean, 1.0):
        raise BadGeometry("The stack is tilted against its slices (gantry tilt); resample it to right angles first.")
    return np.asarray(mean * normal, dtype=np.float64)
