"""From planes of logits on the network's grid to labels on the scan's grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from services.segmenter.volumes.grid import Grid, output_orders
from services.segmenter.volumes.resampling import Taps, is_same_grid, taps
from services.segmenter.volumes.sliding import Floats
from shared.arrays import Float32, UInt8
from shared.imaging.volume_input import VolumeInput


def label_planes(planes: Iterator[Floats], grid: Grid, spec: VolumeInput, regions: tuple[int, ...]) -> UInt8:
    """Return the labels of a grid's part, uint8 of `grid.box_shape`, from its logits (outputs, row, column) per plane.

    At most two planes of logits are in memory. Classes are resampled one by one; the first with the highest value wins.
    With `regions` output i writes `regions[i]` where its probability is above a half.
    """
    if spec.output == "labels":
        return _nearest(planes, grid, regions)
    if spec.output == "probabilities":
        planes = (probabilities(plane.astype(np.float32, copy=False), bool(regions)) for plane in planes)
    threshold = 0.5 if spec.output == "probabilities" else 0.0
    shape, orders = grid.box_shape, output_orders(grid, spec.output_resampling)
    labels = np.zeros(shape, dtype=np.uint8)
    slices, rows, columns = (
        taps(*line) for line in zip(grid.network_shape, shape, orders, grid.lines_back, strict=True)
    )
    is_half = spec.framework == "nnunet"
    sides = None if is_same_grid(grid.network_shape, shape, grid.lines_back) else Sides(rows, columns, is_half)
    for index, values in enumerate(_between(planes, slices)):
        labels[index] = _regions(values, sides, regions, threshold) if regions else _highest(values, sides)
    return labels


def _nearest(planes: Iterator[Floats], grid: Grid, regions: tuple[int, ...]) -> UInt8:
    """Labels on the network's grid, then the nearest voxel's for each voxel of the scan."""
    own = np.zeros(grid.network_shape, dtype=np.uint8)
    for index, plane in enumerate(planes):
        logits = plane.astype(np.float32, copy=False)
        own[index] = _regions(logits, None, regions, 0.0) if regions else _highest(logits, None)
    lines = zip(grid.network_shape, grid.box_shape, (0, 0, 0), grid.lines_back, strict=True)
    return own[np.ix_(*(taps(*line).first for line in lines))]


def probabilities(logits: Float32, has_regions: bool) -> Float32:
    """Return the probabilities of logits (outputs, row, column): of one of all labels, or of each region by itself."""
    if has_regions:
        return expit(logits)
    likely: Float32 = softmax(logits, axis=0)
    return likely


def _between(planes: Iterator[Floats], at: Taps) -> Iterator[Float32]:
    """The logits of each new plane, from the old ones before and after it."""
    logits: dict[int, Floats] = {}
    numbered = enumerate(planes)
    for first, second, weight in zip(at.first.tolist(), at.second.tolist(), at.weight, strict=True):
        last = first if weight == 0 else second
        while last not in logits:
            number, plane = next(numbered)
            logits = {old: logits[old] for old in logits if old >= first} | {number: plane}
        below = logits[first].astype(np.float32)
        if weight > 0:
            below += (logits[second] - below) * weight
        yield below
    for _ in numbered:  # the last windows report their progress
        pass


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """How a plane gets to the scan's pixels; with `is_half` its values are rounded as nnU-Net's logits are."""

    rows: Taps
    columns: Taps
    is_half: bool

    def apply(self, plane: Float32) -> Float32:
        """Return a plane on the scan's pixels."""
        new = np.ascontiguousarray(self.columns.rows(np.ascontiguousarray(self.rows.rows(plane).T)).T)
        return round_to_half(new) if self.is_half else new


def _resampled(plane: Float32, sides: Sides | None) -> Float32:
    return plane if sides is None else sides.apply(plane)


def round_to_half(values: Float32) -> Float32:
    """Round values to the 11 binary digits of half precision, in place, ties to even; return them.

    A quarter of the time of converting them to half precision and back. Below 6e-5 more digits stay than half
    precision has.
    """
    bits = values.view(np.uint32)
    bits += np.uint32(0x0FFF) + ((bits >> np.uint32(13)) & np.uint32(1))  # half of the last digit that stays
    bits &= np.uint32(0xFFFFE000)  # float32 has 13 digits more
    return values


def _highest(logits: Float32, sides: Sides | None) -> UInt8:
    best = _resampled(logits[0], sides)
    number = np.zeros(best.shape, dtype=np.uint8)
    for label, plane in enumerate(logits[1:], start=1):
        value = _resampled(plane, sides)
        np.copyto(number, label, where=value > best)
        np.maximum(best, value, out=best)
    return number


def _regions(logits: Float32, sides: Sides | None, regions: tuple[int, ...], threshold: float) -> UInt8:
    first = _resampled(logits[0], sides)
    number = np.zeros(first.shape, dtype=np.uint8)
    for label, plane in zip(regions, logits, strict=True):
        np.copyto(number, label, where=_resampled(plane, sides) > threshold)
    return number
