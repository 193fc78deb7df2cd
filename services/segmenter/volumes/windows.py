"""Where the windows of a network lie in its view of a scan, and how much each of their voxels counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from services.segmenter.volumes.resampling import Shape
from shared.arrays import Float32
from shared.imaging.volume_input import VolumeInput

Float16 = NDArray[np.float16]
_PEAK = 10.0
"""Weight of a window's middle: in half precision larger weights lose fewer digits (nnU-Net)."""
_LEAST = 1e-3
"""Smallest weight of a voxel (MONAI)."""


def gaussian(patch: Sequence[int]) -> Float16:
    """Return nnU-Net's weights of a window: a Gauss with a standard deviation of an eighth of the patch, never 0."""
    impulse = np.zeros(tuple(patch))
    impulse[tuple(size // 2 for size in patch)] = 1.0
    weights = ndimage.gaussian_filter(impulse, [size / 8.0 for size in patch], mode="constant")
    half: Float16 = (weights / (weights.max() / _PEAK)).astype(np.float16)
    half[half == 0] = half[half > 0].min()
    return half


def gaussian_of_monai(patch: Sequence[int]) -> Float32:
    """Return MONAI's weights of a window: a Gauss around its exact middle, at least a thousandth.

    Formula: `compute_importance_map` of monai.data.utils.
    """
    weights = np.ones((), dtype=np.float32)
    for size in patch:
        from_middle = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
        weights = weights[..., None] * np.exp(-(from_middle**2) / np.float32(2 * (0.125 * size) ** 2))
    return np.maximum(weights, np.float32(max(float(weights.min()), _LEAST)))


def window_weights(spec: VolumeInput) -> Float16 | Float32:
    """Return the weight of each voxel of a window, in the precision in which sums are made."""
    weights = gaussian(spec.patch) if spec.framework == "nnunet" else gaussian_of_monai(spec.patch)
    return np.ones_like(weights) if spec.window_weights == "constant" else weights


def starts_at_distance(size: int, patch: int, step: float) -> list[int]:
    """Return where windows start along an axis: `step` of the patch apart, the last one at the end.

    Formula: `dense_patch_slices` of monai.data.utils.
    """
    distance = max(int(patch * step), 1)
    return [*range(0, size - patch, distance), size - patch]


def starts(size: int, patch: int, step: float) -> list[int]:
    """Return where windows start along an axis: evenly spread, at most `step` of the patch apart (nnU-Net)."""
    count = int(np.ceil((size - patch) / (patch * step))) + 1
    stride = (size - patch) / (count - 1) if count > 1 else 0.0
    return [int(np.round(stride * number)) for number in range(count)]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows over a volume (channels of one shape) that is padded with zeros to at least one patch.

    A network for planes has windows of one plane: `patch` then starts with 1.
    """

    views: Sequence[Float32]
    patch: Shape
    before: Shape
    padded: Shape
    starts: tuple[list[int], list[int], list[int]]

    def cut(self, corner: Shape) -> Float32:
        """Return the window (1, channels, *patch) at a corner of the padded volume."""
        window = np.zeros((1, len(self.views), *self.patch), dtype=np.float32)
        inside, outside = [], []
        for start, size, pad, whole in zip(corner, self.patch, self.before, self.views[0].shape, strict=True):
            first, last = max(start - pad, 0), min(start - pad + size, whole)
            inside.append(slice(first, last))
            outside.append(slice(first - start + pad, last - start + pad))
        for channel, view in enumerate(self.views):
            window[0, channel][tuple(outside)] = view[tuple(inside)]
        return window

    def __len__(self) -> int:
        z, y, x = self.starts
        return len(z) * len(y) * len(x)


def place_windows(views: Sequence[Float32], spec: VolumeInput) -> Windows:
    """Return the windows of a network's view of a scan, one array (slice, row, column) per channel."""
    shape = views[0].shape
    sides = (1, *spec.patch) if spec.is_flat else spec.patch
    patch: Shape = sides[0], sides[1], sides[2]
    padded: Shape = max(shape[0], patch[0]), max(shape[1], patch[1]), max(shape[2], patch[2])
    before: Shape = (padded[0] - shape[0]) // 2, (padded[1] - shape[1]) // 2, (padded[2] - shape[2]) // 2
    # Every plane of a network for planes is a window.
    steps = (1.0 if spec.is_flat else spec.step, spec.step, spec.step)
    place = starts if spec.framework == "nnunet" else starts_at_distance
    z, y, x = (place(whole, side, step) for whole, side, step in zip(padded, patch, steps, strict=True))
    return Windows(views, patch, before, padded, (z, y, x))
