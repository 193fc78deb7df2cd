"""Shape-based interpolation between the outlines of two slices (Raya and Udupa, IEEE TMI 1990).

In each slice, the outline of each label becomes its signed distance. Between two slices the distances are mixed
linearly, and the label with the largest positive distance gets the pixel.
"""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from shared.arrays import Bool, Float32, Float64, UInt8

Spacing = tuple[float, float]
"""Distance of neighbouring rows and of neighbouring columns, in any unit."""
_SQUARE = 1e-3
"""Pixels whose sides differ by less than this part count as square."""


def signed_distances(image: UInt8, labels: Collection[int], reach: float, spacing: Spacing = (1.0, 1.0)) -> Float32:
    """Signed distances to the outline of each label, positive inside, limited to `reach`: (labels, rows, columns).

    `image` is (rows, columns). Distances and `reach` have the unit of `spacing`.
    """
    distances = np.full((len(labels), *image.shape), -reach, dtype=np.float32)
    margins = [int(np.ceil(min(reach / step, size))) + 1 for step, size in zip(spacing, image.shape, strict=True)]
    for number, label in enumerate(labels):
        mask = (image == label).astype(np.uint8)
        if not mask.any():
            continue
        window = bounds(mask, (margins[0], margins[1]))
        inside = cv2.copyMakeBorder(mask[window], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        signed = _signed(inside, spacing)[1:-1, 1:-1]
        distances[number][window] = np.clip(signed, -reach, reach)
    return distances


def mix(before: Float32, after: Float32, share: float) -> UInt8:
    """Index + 1 of the label with the largest positive distance, 0 where no distance is positive: (rows, columns).

    `before` and `after` are distances of two slices, (labels, rows, columns). `share` is the place between, 0 to 1.
    """
    distances = (1.0 - share) * before + share * after
    best = distances.argmax(axis=0)
    inside = np.take_along_axis(distances, best[None], axis=0)[0] > 0
    return np.where(inside, best + 1, 0).astype(np.uint8)


def bounds(image: UInt8 | Bool, margin: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of what is not 0 in an image, with a margin of rows and columns."""
    x, y, width, height = cv2.boundingRect((image > 0).astype(np.uint8))
    rows = slice(max(0, y - margin[0]), y + height + margin[0])
    return rows, slice(max(0, x - margin[1]), x + width + margin[1])


def _signed(mask: UInt8, spacing: Spacing) -> Float32:
    """Signed distances in the whole of a mask, whose border is 0.

    A distance is measured from pixel centre to pixel centre; the outline is half a pixel before that.
    """
    if abs(spacing[0] / spacing[1] - 1.0) < _SQUARE:
        to_outside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
        to_inside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_5)
        signed: Float32 = np.where(mask > 0, to_outside - 0.5, 0.5 - to_inside)
        return signed if spacing[0] == 1.0 else np.float32(spacing[0]) * signed
    return np.where(mask > 0, _to_outline(mask > 0, spacing), -_to_outline(mask == 0, spacing)).astype(np.float32)


def _to_outline(side: Bool, spacing: Spacing) -> Float64:
    """Distances from each pixel of a side of the outline; half a pixel is that of the ellipse that fills one."""
    from scipy.ndimage import distance_transform_edt  # OpenCV knows square pixels only

    distances, nearest = distance_transform_edt(side, sampling=spacing, return_indices=True)
    pixels = np.linalg.norm(nearest - np.indices(side.shape), axis=0)
    result: Float64 = distances * (1.0 - 0.5 / np.maximum(pixels, 0.5))
    return result
