"""Sliding windows: from a network's view of a scan to logits, plane by plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from services.segmenter.volumes.windows import Windows, window_weights
from shared.arrays import Float32
from shared.errors import ModelError
from shared.imaging.volume_input import VolumeInput

Float16 = NDArray[np.float16]
Run = Callable[[Float32], Float32]
"""A network: float32 (1, channels, *patch) to logits (1, outputs, *patch)."""
Progress = Callable[[float], None]
Floats = Float16 | Float32
"""Logits in half precision, as nnU-Net sums them, or in single precision, as MONAI does."""


def logit_planes(windows: Windows, run: Run, outputs: int, spec: VolumeInput, progress: Progress) -> Iterator[Floats]:
    """Yield the mean logits (outputs, row, column) of each plane of the volume, without its padding.

    Only one row of windows along the first axis is in memory. Sums are in half precision for a network of nnU-Net, as
    its own are: logits that differ by less then tie, and the lowest label wins. `progress` is called with 0 to 1 after
    each window; its exceptions propagate. Raises ModelError for logits beyond the range of that precision.
    """
    weights = window_weights(spec).reshape(windows.patch)
    slab = np.zeros((outputs, windows.patch[0], *windows.padded[1:]), dtype=weights.dtype)
    total = np.zeros(slab.shape[1:], dtype=weights.dtype)
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


def _final_planes(windows: Windows, slab: Floats, total: Floats, start: int, following: int) -> Iterator[Floats]:
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
def _add(place: Floats, logits: Float32) -> None:
    place += logits


@np.errstate(over="ignore", invalid="ignore")
def _mean(logits: Floats, total: Floats) -> Floats:
    mean: Floats = logits / total
    return mean


def _shift(slab: Floats, total: Floats, planes: int) -> None:
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
