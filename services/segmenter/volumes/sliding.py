"""Sliding windows: from a network's view of a scan to logits, plane by plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from services.segmenter.volumes.resampling import Shape
from shared.arrays import Float32
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput

Float16 = NDArray[np.float16]
Run = Callable[[Float32], Float32]
"""A network: float32 (1, channels, *patch) to logits (1, outputs, *patch)."""
Progress = Callable[[float], None]
_PEAK = 10.0
"""Weight of a window's middle: in half precision larger weights lose fewer digits (nnU-Net)."""


def gaussian(patch: Sequence[int]) -> Float16:
    """Return the weights of a window: a Gauss with a standard deviation of an eighth of the patch, never 0."""
    impulse = np.zeros(tuple(patch))
    impulse[tuple(size // 2 for size in patch)] = 1.0
    weights = ndimage.gaussian_filter(impulse, [size / 8.0 for size in patch], mode="constant")
    half: Float16 = (weights / (weights.max() / _PEAK)).astype(np.float16)
    half[half == 0] = half[half > 0].min()
    return half


def starts(size: int, patch: int, step: float) -> list[int]:
    """Return where windows start along an axis: evenly spread, at most `step` of the patch apart."""
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
    z, y, x = (starts(whole, side, step) for whole, side, step in zip(padded, patch, steps, strict=True))
    return Windows(views, patch, before, padded, (z, y, x))


def logit_planes(windows: Windows, run: Run, outputs: int, spec: VolumeInput, progress: Progress) -> Iterator[Float16]:
    """Yield the mean logits (outputs, row, column) of each plane of the volume, without its padding.

    Only one row of windows along the first axis is in memory. Sums are in half precision, as nnU-Net's are: logits that
    differ by less then tie, and the lowest label wins. `progress` is called with 0 to 1 after each window; its
    exceptions propagate. Raises ModelError for logits beyond the range of half precision.
    """
    weights = gaussian(spec.patch).reshape(windows.patch)
    slab = np.zeros((outputs, windows.patch[0], *windows.padded[1:]), dtype=np.float16)
    total = np.zeros(slab.shape[1:], dtype=np.float16)
    count = 0
    for start, following in pairwise([*windows.starts[0], windows.padded[0]]):
        for corner in ((start, y, x) for y in windows.starts[1] for x in windows.starts[2]):
            logits = mean_logits(run, windows.cut(corner), spec).reshape(outputs, *windows.patch)
            logits *= weights
            place = (
                slice(None),
                *(slice(at, at + size) for at, size in zip(corner[1:], windows.patch[1:], strict=True)),
            )
            _add(slab[(slice(None), *place)], logits)
            total[place] += weights
            count += 1
            progress(count / len(windows))
        yield from _final_planes(windows, slab, total, start, following)
        _shift(slab, total, following - start)


def _final_planes(windows: Windows, slab: Float16, total: Float16, start: int, following: int) -> Iterator[Float16]:
    """The planes from `start` that no later window changes."""
    depth, height, width = windows.views[0].shape
    rows, columns = (slice(pad, pad + size) for pad, size in zip(windows.before[1:], (height, width), strict=True))
    for plane in range(start, following):
        if windows.before[0] <= plane < windows.before[0] + depth:
            mean = _mean(slab[:, plane - start, rows, columns], total[plane - start, rows, columns])
            if not np.isfinite(mean).all():
                raise ModelError("The network's logits are not finite numbers or too large.")
            yield mean


@np.errstate(over="ignore")  # the check of the means finds what is too large
def _add(place: Float16, logits: Float32) -> None:
    place += logits


@np.errstate(over="ignore", invalid="ignore")
def _mean(logits: Float16, total: Float16) -> Float16:
    return logits / total


def _shift(slab: Float16, total: Float16, planes: int) -> None:
    for array, axis in ((slab, 1), (total, 0)):
        moved = np.moveaxis(array, axis, 0)
        for plane in range(planes, len(moved)):
            moved[plane - planes] = moved[plane]
        moved[max(len(moved) - planes, 0) :] = 0


def mean_logits(run: Run, window: Float32, spec: VolumeInput) -> Float32:
    """Return the network's logits for a window, or their mean over all mirrorings if the card asks for it."""
    flat = window.reshape(window.shape[0], window.shape[1], *spec.patch)
    logits = np.require(run(flat), np.float32, "W")  # changed in place: with many classes it is large
    if not spec.mirroring or not spec.mirror_axes:
        return logits
    axes = [axis + 2 for axis in spec.mirror_axes]
    flips = [chosen for count in range(1, len(axes) + 1) for chosen in combinations(axes, count)]
    for chosen in flips:
        logits += np.flip(run(np.ascontiguousarray(np.flip(flat, chosen))), chosen)
    logits /= np.float32(len(flips) + 1)
    return logits
