"""From the images of a scan to the input of a network: axes, crop, normalisation, resampling, in nnU-Net's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from services.segmenter.volumes.resampling import Shape, Spacing, new_shape, resample, separate_axis
from shared.arrays import Bool, Float32, UInt8
from shared.imaging.volume_input import ChannelNormalisation, Resampling, VolumeInput

_SMALLEST_STD = 1e-8
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A scan's grid in the axes of the network, and the part of it that the network sees.

    `shape` is that of the scan, `box` the part that is not zero, `spacing` mm; `network_shape` and `network_spacing`
    are those of the part after resampling.
    """

    shape: Shape
    box: Box
    spacing: Spacing
    network_shape: Shape
    network_spacing: Spacing

    @property
    def box_shape(self) -> Shape:
        """Return the shape of the part."""
        z, y, x = (side.stop - side.start for side in self.box)
        return z, y, x


def exact_spacing(spacing: Spacing) -> Spacing:
    """Return voxel sizes in mm as the header of a NIfTI file has them, from the lengths of an affine's columns.

    An oblique affine in 32 bits changes them by one part in ten million. Sizes of resampled grids are rounded, so that
    would change some by a voxel.
    """
    z, y, x = (float(np.float32(_shortest(size))) for size in spacing)
    return z, y, x


def _shortest(size: float) -> float:
    """Return a size with few digits, or a whole number of 1024ths, if 32 bits do not tell them from `size`."""
    candidates = (*(round(size, digits) for digits in range(5)), round(size * 1024) / 1024)
    return next((short for short in candidates if abs(short - size) <= 3e-7 * size), size)


def find_grid(images: Sequence[NDArray[Any]], spacing: Spacing, spec: VolumeInput) -> Grid:
    """Return the grid of images (slice, row, column) of `spacing` mm, all in the axes of the network."""
    shape: Shape = images[0].shape[0], images[0].shape[1], images[0].shape[2]
    box = _nonzero_box(images) if spec.crop_to_nonzero else (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    sizes = spec.spacing if len(spec.spacing) == 3 else (spacing[0], *spec.spacing)
    target: Spacing = sizes[0], sizes[1], sizes[2]
    part: Shape = box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start
    return Grid(shape, box, spacing, new_shape(part, spacing, target), target)


def _nonzero_box(images: Sequence[NDArray[Any]]) -> Box:
    """Return the box around all values other than 0, plane by plane; the whole grid where there are none."""
    shape = images[0].shape
    nonzero = [np.zeros(size, dtype=bool) for size in shape]
    for image in images:
        for index, plane in enumerate(image):
            mask = plane != 0
            rows = mask.any(axis=1)
            nonzero[0][index] |= rows.any()
            nonzero[1] |= rows
            nonzero[2] |= mask.any(axis=0)
    sides = [(int(where[0]), int(where[-1]) + 1) for where in map(np.flatnonzero, nonzero) if where.size]
    if len(sides) < 3:
        sides = [(0, size) for size in shape]
    return slice(*sides[0]), slice(*sides[1]), slice(*sides[2])


def prepare(images: Sequence[NDArray[Any]], grid: Grid, spec: VolumeInput) -> list[Float32]:
    """Return the network's view of each image, float32 of `grid.network_shape`; a plane at a time is converted."""
    parts = [image[grid.box] for image in images]
    needs_mask = any(channel.normalisation.within_mask for channel in spec.channels)
    mask = _body(parts) if needs_mask else None
    views = []
    for part, channel in zip(parts, spec.channels, strict=True):
        how = channel.normalisation
        views.append(_resampled(part, _scaling(part, how, mask), mask if how.within_mask else None, grid, spec))
    return views


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


def _scaling(part: NDArray[Any], how: ChannelNormalisation, mask: Bool | None) -> _Scaling:
    if how.scheme == "clip_z_score":
        low, high, mean, std = (float(value or 0.0) for value in (how.low, how.high, how.mean, how.std))
        return _Scaling(low, high, mean, max(std, _SMALLEST_STD))
    if how.scheme == "z_score":
        mean, std = _statistics(part, mask if how.within_mask else None)
        return _Scaling(-np.inf, np.inf, mean, max(std, _SMALLEST_STD))
    if how.scheme == "rescale":
        low, high = float(part.min()), float(part.max())
        return _Scaling(-np.inf, np.inf, low, max(high - low, _SMALLEST_STD))
    return _Scaling(-np.inf, np.inf, 0.0, 1.0)


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
    planes = _planes(np.moveaxis(part, first, 0), scaling, None if mask is None else np.moveaxis(mask, first, 0))
    orders = (spec.resampling.order if axis is None else spec.resampling.order_z, spec.resampling.order)
    done = resample(planes, (z, y, x), (target[0], target[1], target[2]), orders, axis is not None)
    return np.moveaxis(done, 0, first)


def _planes(part: NDArray[Any], scaling: _Scaling, mask: NDArray[np.bool_] | None) -> Iterator[Float32]:
    for index, plane in enumerate(part):
        scaled = scaling.apply(plane)
        if mask is not None:
            scaled[~mask[index]] = 0.0
        yield scaled


def uncrop(labels: UInt8, grid: Grid) -> UInt8:
    """Return a label map of the part on the whole grid."""
    whole = np.zeros(grid.shape, dtype=np.uint8)
    whole[grid.box] = labels
    return whole


def output_orders(grid: Grid, how: Resampling) -> tuple[int, int, int]:
    """Return the order with which results are resampled back along each axis."""
    axis = separate_axis(grid.network_spacing, grid.spacing, how)
    z, y, x = (how.order_z if side == axis else how.order for side in range(3))
    return z, y, x
