"""A smooth field per label, straight from its runs, on one lattice that all labels share.

The mask is blurred with a Gaussian just wide enough for the lattice and the voxels, sampled at the lattice's points and
turned through the inverse of the Gaussian's integral. For a flat surface that gives the exact distance to it, whatever
its direction, so crossings interpolated between lattice points lie where the voxels say, to a fraction of a voxel.
Blurred masks of neighbouring labels add up to at most one: their surfaces cannot pass through each other. Compact
organs are blurred more widely (`softness`), and then give way to their neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from services.mesher.runs import Floats, Ints, Runs

Float32s = NDArray[np.float32]
_REACH = 3.0
"""Gaussians end after this many sigmas."""
LEVELS = 8192
"""The parts in which a blurred mask is told: inside from half of them on."""
_CHUNK_CELLS = 400_000
_OVERLAP = 600
"""Levels by which a softer mask and its neighbour may add up to more than one: about a tenth of a voxel."""
_FOLDED, _COMPACT = 0.11, 0.16
"""Volume over area, by the cube root of the volume: bowel lies below the first, most stomachs above the second."""
_THIN, _THICK = 3.0, 6.0
"""Volume over area in voxels: below the first a wider blur would round what it should only smooth."""
_SOFTEST = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Sampling points: `step` apart in mm, at multiples of it from the first voxel's centre.

    `pitch` is the step in voxels and `sigma` the blur in voxels, both (fast, middle, slow).
    """

    step: float
    pitch: Floats
    sigma: Floats
    scale: float

    @classmethod
    def of(cls, spacing: Floats, step: float, softness: float = 1.0) -> Lattice:
        """A lattice for voxels of `spacing` mm: the blur spans a good part of a step, and of a voxel.

        It spans a little more of a voxel where that is still narrow beside the step. `softness` multiplies what it
        spans of a voxel.
        """
        noise = np.maximum(0.36 * spacing, np.minimum(0.42 * spacing, 0.4 * step))
        sigma = np.maximum(0.3 * step, softness * noise)
        return cls(step, step / spacing, sigma / spacing, float(np.exp(np.log(sigma).mean())))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """About the signed distance in mm to a label's surface, positive inside, near it.

    `levels` (slow, middle, fast) are the blurred mask in parts of 8192, which takes half the memory of the distances:
    `distance` turns them into mm. `low` is the lattice index (fast, middle, slow) of the first one.
    """

    lattice: Lattice
    low: Ints
    levels: NDArray[np.int16]

    @property
    def shape(self) -> tuple[int, ...]:
        """Points (slow, middle, fast)."""
        return self.levels.shape

    def distance(self, levels: NDArray[np.int16]) -> Float32s:
        """The inverse of the Gaussian's integral, in mm."""
        return (_PROBIT * np.float32(self.lattice.scale)).take(levels)

    def to_voxels(self, points: NDArray[np.floating]) -> Floats:
        """Voxel indices (fast, middle, slow) of positions on the field's own grid."""
        voxels: Floats = (points + self.low) * self.lattice.pitch
        return voxels

    def holds(self, voxels: Floats) -> NDArray[np.bool_]:
        """Whether the lattice point nearest to each voxel index (n, 3) is inside."""
        index = np.rint(voxels / self.lattice.pitch).astype(np.int64) - self.low
        i, j, k = np.clip(index, 0, np.array(self.shape[::-1]) - 1).T
        found: NDArray[np.bool_] = self.levels[k, j, i] > LEVELS // 2
        return found

    def give_way(self, other: Field) -> None:
        """Lower a softer mask where it and a neighbour's clearly add up to more than one: surfaces stay apart."""
        low = np.maximum(self.low, other.low)
        high = np.minimum(self.low + self.shape[::-1], other.low + other.shape[::-1])
        if (low < high).all():
            mine = self.levels[_window(low - self.low, high - self.low)]
            theirs = other.levels[_window(low - other.low, high - other.low)]
            np.minimum(mine, LEVELS + _OVERLAP - theirs, out=mine)

    def interpolate(self, voxels: Floats, floor: float) -> Float32s:
        """The field at voxel indices (n, 3), linear between lattice points, or `floor` where it is clearly lower."""
        found = np.full(len(voxels), floor, dtype=np.float32)
        size = np.array(self.shape[::-1])
        flat, steps = self.levels.reshape(-1), np.array([1, size[0], size[0] * size[1]])
        place = voxels * (1.0 / self.lattice.pitch) - self.low
        within = (place >= 0.0) & (place < size - 1)
        near = np.flatnonzero(within[:, 0] & within[:, 1] & within[:, 2])
        place = place.take(near, axis=0)
        close = np.flatnonzero(self.distance(flat.take(np.rint(place).astype(np.int64) @ steps)) > floor)
        near, place = near.take(close), place.take(close, axis=0)
        base = place.astype(np.int64)
        part, first = (place - base).astype(np.float32), base @ steps
        total = np.zeros(len(near), dtype=np.float32)
        for corner in range(8):
            weight, offset = np.ones(len(near), dtype=np.float32), 0
            for axis in range(3):
                up = corner >> axis & 1
                weight *= part[:, axis] if up else 1.0 - part[:, axis]
                offset += steps[axis] * up
            total += weight * self.distance(flat.take(first + offset))
        found[near] = total
        return found


def _window(low: Ints, high: Ints) -> tuple[slice, ...]:
    return tuple(slice(int(first), int(last)) for first, last in zip(low[::-1], high[::-1], strict=True))


def softness(runs: Runs, spacing: Floats) -> float:
    """How much wider than usual the blur of a label may be: 1 for thin or folded organs, more for compact ones.

    A compact organ has no loops that a wider blur could join, and a thick one is hardly rounded by it; both lose
    more of the voxels' noise. `spacing` is (fast, middle, slow) in mm; volume over area is a third of a ball's radius.
    """
    voxel = float(spacing.prod())
    thickness = runs.voxels * voxel / runs.area(spacing)
    compact = thickness / float(np.cbrt(runs.voxels * voxel))
    thick = thickness / float(np.cbrt(voxel))
    share = min((compact - _FOLDED) / (_COMPACT - _FOLDED), (thick - _THIN) / (_THICK - _THIN))
    return 1.0 + (_SOFTEST - 1.0) * min(max(share, 0.0), 1.0)


def build(runs: Runs, lattice: Lattice) -> Field:
    """The field of a label's runs; its outermost layer is outside everywhere."""
    low, high = runs.bounds()
    margin = lattice.sigma * [_REACH, 1.0, 1.0]
    first = np.floor((low - 0.5 - margin) / lattice.pitch).astype(np.int32) - 1
    last = np.ceil((high - 0.5 + margin) / lattice.pitch).astype(np.int32) + 1
    window = last - first + 1
    blocks = np.maximum(1, np.floor(0.7 * lattice.pitch)).astype(np.int32)
    low -= low % blocks  # the same blocks for all labels, or what they hold would not add up
    table = _endpoint_table(int(high[0]), lattice, int(first[0]), int(window[0]))
    middle, slow = (
        _weights(
            (int(low[axis]), int(high[axis]), int(blocks[axis])), lattice, axis, first[axis] + np.arange(window[axis])
        )
        for axis in (1, 2)
    )
    planes = slow.shape[1]
    stack = np.empty((planes, int(window[1]), int(window[0])), dtype=np.float32)
    block = (runs.row // runs.middles - low[2]) // blocks[2]
    line = (runs.row % runs.middles - low[1]) // blocks[1]
    chunk = max(1, _CHUNK_CELLS // (middle.shape[1] * int(window[0])))
    for at in range(0, planes, chunk):
        upto = min(planes, at + chunk)
        part = slice(*np.searchsorted(block, [at, upto]))
        shape = (middle.shape[1], upto - at, int(window[0]))
        lines = line[part] * np.int64(shape[1]) + block[part] - at
        dense = _spread(lines, runs[part], table, shape)
        across = np.asarray(middle @ dense).reshape(-1, shape[1], shape[2])
        np.cumsum(across.transpose(1, 0, 2), axis=2, out=stack[at:upto])
    levels = np.empty((slow.shape[0], int(window[1]), int(window[0])), dtype=np.int16)
    flat = stack.reshape(planes, -1)
    rows = max(1, _CHUNK_CELLS // flat.shape[1])
    for at in range(0, slow.shape[0], rows):
        blurred = np.asarray(slow[at : at + rows] @ flat)
        levels[at : at + rows] = _level(blurred).reshape(-1, *levels.shape[1:])
    return Field(lattice, first, levels)


def _endpoint_table(voxels: int, lattice: Lattice, first: int, window: int) -> tuple[Floats, NDArray[np.int64]]:
    """What a run's end at each voxel edge adds along the fast axis, as steps to be summed up, and where it starts."""
    edge = np.arange(voxels + 1) - 0.5
    pitch, sigma = float(lattice.pitch[0]), float(lattice.sigma[0])
    begin = np.ceil((edge - _REACH * sigma) / pitch).astype(np.int64)
    taps = int(np.ceil(2 * _REACH * sigma / pitch)) + 1
    position = (begin[:, None] + np.arange(taps)) * pitch
    total = ndtr((position - edge[:, None]) / sigma)
    total[:, -1] = 1.0
    return np.diff(total, axis=1, prepend=0.0), np.clip(begin - first, 0, window - taps)


def _spread(
    lines: NDArray[np.int64], runs: Runs, table: tuple[Floats, NDArray[np.int64]], shape: tuple[int, ...]
) -> Float32s:
    """Blur runs along the fast axis onto `shape`, whose first two axes together count `lines`; last two axes flattened.

    The values are steps, to be summed up along the fast axis.
    """
    steps_at, offset = table
    reach = np.arange(steps_at.shape[1])
    ends = np.concatenate([runs.start, runs.stop])
    where = np.concatenate([lines, lines]) * shape[2] + offset.take(ends)
    weight = steps_at.take(ends, axis=0)
    weight[len(runs) :] *= -1.0
    places, size = (where[:, None] + reach).reshape(-1), shape[0] * shape[1] * shape[2]
    # A sparse row made dense adds up what falls on the same place; bincount would let no thread run beside it.
    steps = csr_array((weight.astype(np.float32).reshape(-1), places, [0, len(places)]), shape=(1, size))
    return steps.toarray().reshape(shape[0], -1)


def _weights(voxels: tuple[int, int, int], lattice: Lattice, axis: int, points: NDArray[np.int64]) -> csr_array:
    """Gaussian weights (points, blocks) along one axis, for voxels (low, high, block): blocks of so many from `low`.

    A block's own width is part of the blur, and is taken off the Gaussian's.
    """
    low, high, block = voxels
    count = -(-(high - low) // block)
    edges = low - 0.5 + block * np.arange(count + 1)
    sigma = float(np.sqrt(max(float(lattice.sigma[axis]) ** 2 - (block**2 - 1) / 12.0, 0.05)))
    position = np.asarray(points)[:, None] * float(lattice.pitch[axis])
    total = ndtr((position - edges[None, :]) / sigma)
    weights = ((total[:, :-1] - total[:, 1:]) / block).astype(np.float32)
    weights[weights < 1e-4] = 0.0
    return csr_array(weights)


def _probit_table() -> Float32s:
    share = np.clip((np.arange(LEVELS + 1)) / LEVELS, 0.25 / LEVELS, 1.0 - 0.25 / LEVELS)
    table: Float32s = ndtri(share).astype(np.float32)
    return table


_PROBIT = _probit_table()


def _level(blurred: Float32s) -> NDArray[np.int16]:
    """The nearest level; `blurred` is overwritten."""
    blurred *= np.float32(LEVELS)
    blurred += np.float32(0.5)
    level: NDArray[np.int16] = np.minimum(blurred.astype(np.int16), LEVELS)
    return level
