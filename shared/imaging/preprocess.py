"""Turns slices of a scan into the input of a network and its output back: the same code in serving and in training.

All arrays are (slice, row, column) in the axial view (`shared.imaging.geometry.to_axial`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.imaging.input_spec import InputSpec, Normalisation
from shared.imaging.volume import Modality

Bytes = NDArray[np.uint8]
BODY = 32
"""Grey level (of 255) above which a pixel belongs to the body."""


def normalise(slices: NDArray[Any], modality: Modality, how: Normalisation) -> Bytes:
    """Return grey levels 0 to 255 of slices (n, rows, columns).

    MR is scaled slice by slice, CT by a fixed window in Hounsfield units. The MR limits are values that occur in the
    slice, so scaling and shifting whole-number intensities changes nothing. A slice without contrast becomes zeros; a
    value that is not a number counts as the darkest value.
    """
    out = np.zeros(slices.shape, dtype=np.uint8)
    for index, image in enumerate(slices):
        values = _finite(image)
        low, high = how.ct_window if modality == "CT" else _limits(values, how)
        if high > low:
            out[index] = np.rint(np.clip((values.astype(np.float64) - low) * 255.0 / (high - low), 0.0, 255.0))
    return out


def _finite(image: NDArray[Any]) -> NDArray[Any]:
    if image.dtype.kind == "f":
        good = np.isfinite(image)
        if not good.all():
            return np.where(good, image, image[good].min() if good.any() else 0.0)
    return image


def _limits(values: NDArray[Any], how: Normalisation) -> tuple[float, float]:
    ordered = np.sort(
        values, axis=None, kind="stable" if values.itemsize < 3 else None
    )  # NumPy's stable sort of 8 and 16 bits is a radix sort
    low, bright = (float(ordered[_rank(ordered.size, percent)]) for percent in (how.low, 99.0))
    tissue = ordered[np.searchsorted(ordered, low + how.air * (bright - low), side="right") :]
    if tissue.size == 0:
        return low, float(ordered[-1])
    return low, float(tissue[_rank(tissue.size, how.high)])


def _rank(count: int, percent: float) -> int:
    return round((count - 1) * percent / 100.0)


@dataclass(frozen=True, slots=True)
class Window:
    """Maps a slice (`rows` x `columns`) to the pixels of a network and back.

    The slice is resampled to `scaled` (rows, columns). The network sees `size` pixels from `corner`, which may be
    outside the slice: outside is air.
    """

    rows: int
    columns: int
    scaled: tuple[int, int]
    corner: tuple[int, int]
    size: tuple[int, int]

    def forward(self, slices: Bytes) -> Bytes:
        """Return the network's view (n, *size) of normalised slices (n, rows, columns)."""
        out = np.zeros((len(slices), *self.size), dtype=np.uint8)
        inside, outside = self._overlap()
        for index, image in enumerate(slices):
            out[index][outside] = resample(image, self.scaled)[inside]
        return out

    def back(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return planes (n, *size) on the slice's own pixels, (n, rows, columns); 0 outside the network's view."""
        out = np.zeros((len(planes), self.rows, self.columns), dtype=np.float32)
        inside, outside = self._overlap()
        full = np.zeros(self.scaled, dtype=np.float32)
        for index, image in enumerate(planes):
            full[inside] = image[outside]
            out[index] = cv2.resize(full, (self.columns, self.rows), interpolation=cv2.INTER_LINEAR)
        return out

    def _overlap(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        inside, outside = [], []
        for start, length, whole in zip(self.corner, self.size, self.scaled, strict=True):
            first, last = max(start, 0), min(start + length, whole)
            inside.append(slice(first, max(first, last)))
            outside.append(slice(first - start, max(first, last) - start))
        return (inside[0], inside[1]), (outside[0], outside[1])


def resample(image: Bytes, size: tuple[int, int]) -> Bytes:
    """Return a slice at another size (rows, columns); shrinking averages to avoid aliasing."""
    if image.shape == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=how), dtype=np.uint8)


def fit_window(sample: Bytes, spacing: tuple[float, float], spec: InputSpec) -> Window:
    """Return the window around the body in normalised slices (n, rows, columns) of `spacing` (row, column) mm."""
    rows, columns = sample.shape[1:]
    scaled = (
        max(1, round(rows * spacing[0] / spec.spacing_mm)),
        max(1, round(columns * spacing[1] / spec.spacing_mm)),
    )
    body = np.zeros(scaled, dtype=bool)
    for image in sample:
        body |= np.asarray(cv2.blur(resample(image, scaled), (7, 7))) > BODY
    corner, size = [], []
    for axis in (0, 1):
        first, last = _extent(body.mean(axis=1 - axis) > 0.02, scaled[axis])
        length = -(-(last - first) // spec.multiple) * spec.multiple
        corner.append((first + last - length) // 2)
        size.append(length)
    return Window(rows, columns, scaled, (corner[0], corner[1]), (size[0], size[1]))


def _extent(flags: NDArray[np.bool_], whole: int) -> tuple[int, int]:
    """Return the first and the last index of the body with a margin; the whole range where there is hardly a body."""
    where = np.flatnonzero(flags)
    if where.size < whole // 4:
        return 0, whole
    return max(int(where[0]) - 4, 0), min(int(where[-1]) + 5, whole)


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """A scan as input of a network, computed slice by slice so that memory stays bounded.

    `data` is (slices, rows, columns) in the axial view; `step` is the distance in slices to the neighbouring channels.
    """

    data: NDArray[Any]
    modality: Modality
    spec: InputSpec
    window: Window
    step: int

    def stacks(self, indices: NDArray[np.intp]) -> Bytes:
        """Return stacks (n, channels, rows, columns) of the slices at `indices`; at the ends the outermost slice
        repeats.
        """
        reach = np.arange(self.spec.channels) - self.spec.channels // 2
        neighbours = np.clip(indices[:, None] + reach * self.step, 0, len(self.data) - 1)
        needed, places = np.unique(neighbours, return_inverse=True)
        seen = self.window.forward(normalise(self.data[needed], self.modality, self.spec.normalisation))
        return seen[places.reshape(neighbours.shape)]

    def batches(self, indices: NDArray[np.intp], size: int) -> Iterator[tuple[NDArray[np.intp], Bytes]]:
        """Yield the stacks in batches of at most `size` slices, each with its indices."""
        for start in range(0, len(indices), size):
            chosen = indices[start : start + size]
            yield chosen, self.stacks(chosen)


def open_feed(
    data: NDArray[Any], spacing: tuple[float, float, float], modality: Modality, spec: InputSpec, looks: int = 24
) -> Feed:
    """Prepare a scan (slices, rows, columns) of `spacing` (slice, row, column) mm for a network.

    The extent of the body is measured on at most `looks` slices spread over the scan.
    """
    spread = np.unique(np.linspace(0, len(data) - 1, min(len(data), looks)).round().astype(int))
    sample = normalise(data[spread], modality, spec.normalisation)
    window = fit_window(sample, (spacing[1], spacing[2]), spec)
    return Feed(data, modality, spec, window, max(1, round(spec.slice_mm / spacing[0])))
