"""From the images of a scan to the input of a network: axes, crop, normalisation, resampling.

The order is nnU-Net's: values before the grid. Cards of MONAI bundles can have it the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from services.segmenter.volumes.grid import Grid
from services.segmenter.volumes.resampling import resample, separate_axis
from shared.arrays import Bool, Float32
from shared.imaging.volume_input import Channel, ChannelNormalisation, VolumeInput

_SMALLEST_STD = 1e-8


def prepare(images: Sequence[NDArray[Any]], grid: Grid, spec: VolumeInput) -> list[Float32]:
    """Return the network's view of each image, float32 of `grid.network_shape`; a plane at a time is converted."""
    parts = [image[grid.box] for image in images]
    if spec.normalise == "after":
        plain = [_resampled(part, _UNCHANGED, None, grid, spec) for part in parts]
        return [_scaled(*each, spec) for each in zip(plain, spec.channels, strict=True)]
    body = _body(parts) if spec.framework == "nnunet" and _needs_mask(spec) else None
    views = []
    for part, channel in zip(parts, spec.channels, strict=True):
        how = channel.normalisation
        mask = _mask(part, body) if how.within_mask else None
        views.append(_resampled(part, _scaling(part, how, mask), mask, grid, spec))
    return views


def _needs_mask(spec: VolumeInput) -> bool:
    return any(channel.normalisation.within_mask for channel in spec.channels)


def _mask(part: NDArray[Any], body: Bool | None) -> Bool:
    """Return where values count: in the body, or where this image is not 0."""
    mask: Bool = part != 0 if body is None else body
    return mask


def _scaled(volume: Float32, channel: Channel, spec: VolumeInput) -> Float32:
    """Return a resampled image normalised, in its place."""
    how = channel.normalisation
    mask = _mask(volume, _body([volume]) if spec.framework == "nnunet" else None) if how.within_mask else None
    scaling = _scaling(volume, how, mask)
    for index, plane in enumerate(_planes(volume, scaling, mask)):
        volume[index] = plane
    return volume


def _body(parts: Sequence[NDArray[Any]]) -> Bool:
    """Return where any image is not 0, with the holes filled."""
    body = parts[0] != 0
    for part in parts[1:]:
        body |= part != 0
    filled: Bool = ndimage.binary_fill_holes(body)
    return filled


@dataclass(frozen=True, slots=True)
class _Scaling:
    """Values become `(clipped - offset) / divisor`."""

    low: float
    high: float
    offset: float
    divisor: float

    def apply(self, plane: NDArray[Any]) -> Float32:
        out = plane.astype(np.float32)
        if self.low > -np.inf:
            np.clip(out, self.low, self.high, out=out)
        out -= np.float32(self.offset)
        out /= np.float32(self.divisor)
        return out


_UNCHANGED = _Scaling(-np.inf, np.inf, 0.0, 1.0)


def _scaling(part: NDArray[Any], how: ChannelNormalisation, mask: Bool | None) -> _Scaling:
    low, high, mean, std = (float(value or 0.0) for value in (how.low, how.high, how.mean, how.std))
    if how.scheme == "linear":
        return _Scaling(-np.inf, np.inf, mean, max(std, _SMALLEST_STD))
    if how.scheme == "clip_z_score":
        return _Scaling(low, high, mean, max(std, _SMALLEST_STD))
    if how.scheme == "z_score":
        mean, std = _statistics(part, mask if how.within_mask else None)
        return _Scaling(-np.inf, np.inf, mean, max(std, _SMALLEST_STD))
    if how.scheme == "rescale":
        low, high = float(part.min()), float(part.max())
        return _Scaling(-np.inf, np.inf, low, max(high - low, _SMALLEST_STD))
    return _UNCHANGED


def _statistics(part: NDArray[Any], mask: Bool | None) -> tuple[float, float]:
    """Return mean and standard deviation, plane by plane in 64 bits."""
    count = int(mask.sum()) if mask is not None else part.size
    if count == 0:
        return 0.0, 0.0
    mean = sum(float(values.sum()) for values in _values(part, mask)) / count
    square = sum(float(np.square(values - mean).sum()) for values in _values(part, mask)) / count
    return mean, float(np.sqrt(square))


def _values(part: NDArray[Any], mask: Bool | None) -> Iterator[NDArray[np.float64]]:
    for index, plane in enumerate(part):
        yield (plane if mask is None else plane[mask[index]]).astype(np.float64)


def _resampled(part: NDArray[Any], scaling: _Scaling, mask: Bool | None, grid: Grid, spec: VolumeInput) -> Float32:
    axis = separate_axis(grid.spacing, grid.network_spacing, spec.resampling)
    first = 0 if axis is None else axis  # planes across this axis are resampled first
    z, y, x = (int(n) for n in np.moveaxis(np.empty(grid.box_shape, dtype=bool), first, 0).shape)
    order = (first, *(other for other in range(3) if other != first))
    target = tuple(grid.network_shape[a] for a in order)
    lines = tuple(grid.lines[a] for a in order)
    planes = _planes(np.moveaxis(part, first, 0), scaling, None if mask is None else np.moveaxis(mask, first, 0))
    orders = (spec.resampling.order if axis is None else spec.resampling.order_z, spec.resampling.order)
    done = resample(
        planes, (z, y, x), (target[0], target[1], target[2]), orders, axis is not None, (lines[0], lines[1], lines[2])
    )
    return np.moveaxis(done, 0, first)


def _planes(part: NDArray[Any], scaling: _Scaling, mask: NDArray[np.bool_] | None) -> Iterator[Float32]:
    for index, plane in enumerate(part):
        scaled = scaling.apply(plane)
        if mask is not None:
            scaled[~mask[index]] = 0.0
        yield scaled
