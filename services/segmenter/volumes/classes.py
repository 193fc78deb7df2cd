"""From planes of logits on the network's grid to labels on the scan's grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.segmenter.volumes.prepare import Grid, output_orders
from services.segmenter.volumes.resampling import Taps, taps
from shared.arrays import Float32, UInt8
from shared.imaging.volume_input import Resampling

Float16 = NDArray[np.float16]


def label_planes(planes: Iterator[Float16], grid: Grid, how: Resampling, regions: tuple[int, ...]) -> UInt8:
    """Return the labels of a grid's part, uint8 of `grid.box_shape`, from its logits (outputs, row, column) per plane.

    At most two planes of logits are in memory. Classes are resampled one by one; the first with the highest logit wins.
    With `regions` output i writes `regions[i]` where its logit is above 0.
    """
    shape, orders = grid.box_shape, output_orders(grid, how)
    labels = np.zeros(shape, dtype=np.uint8)
    slices, rows, columns = (
        taps(old, new, order) for old, new, order in zip(grid.network_shape, shape, orders, strict=True)
    )
    is_same = grid.network_shape == shape
    for index, logits in enumerate(_between(planes, slices)):
        sides = None if is_same else (rows, columns)
        labels[index] = _regions(logits, sides, regions) if regions else _highest(logits, sides)
    return labels


def _between(planes: Iterator[Float16], at: Taps) -> Iterator[Float32]:
    """The logits of each new plane, from the old ones before and after it."""
    logits: dict[int, Float16] = {}
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


def _resampled(plane: Float32, sides: tuple[Taps, Taps] | None) -> Float32:
    """A plane on the scan's pixels, rounded to half precision as nnU-Net's logits are."""
    if sides is None:
        return plane
    rows, columns = sides
    new = np.ascontiguousarray(columns.rows(np.ascontiguousarray(rows.rows(plane).T)).T)
    return round_to_half(new)


def round_to_half(values: Float32) -> Float32:
    """Round values to the 11 binary digits of half precision, in place, ties to even; return them.

    A quarter of the time of converting them to half precision and back. Below 6e-5 more digits stay than half
    precision has.
    """
    bits = values.view(np.uint32)
    bits += np.uint32(0x0FFF) + ((bits >> np.uint32(13)) & np.uint32(1))  # half of the last digit that stays
    bits &= np.uint32(0xFFFFE000)  # float32 has 13 digits more
    return values


def _highest(logits: Float32, sides: tuple[Taps, Taps] | None) -> UInt8:
    best = _resampled(logits[0], sides)
    number = np.zeros(best.shape, dtype=np.uint8)
    for label, plane in enumerate(logits[1:], start=1):
        value = _resampled(plane, sides)
        np.copyto(number, label, where=value > best)
        np.maximum(best, value, out=best)
    return number


def _regions(logits: Float32, sides: tuple[Taps, Taps] | None, regions: tuple[int, ...]) -> UInt8:
    first = _resampled(logits[0], sides)
    number = np.zeros(first.shape, dtype=np.uint8)
    for label, plane in zip(regions, logits, strict=True):
        np.copyto(number, label, where=_resampled(plane, sides) > 0.0)
    return number
