"""A smooth field per label, computed from its runs, on one lattice that all labels share.

The mask of a label is blurred with a Gaussian just wide enough for the lattice and the voxels, and sampled at the
points of the lattice. The inverse of the Gaussian's integral turns it into a distance. That distance is exact for a
flat surface in any direction, so a surface interpolated between lattice points is accurate to a fraction of a voxel.
Blurred masks of neighbouring labels add up to at most one, so their surfaces cannot cross. Compact organs have a wider
blur (`blur_scale`), and their overlap with neighbours is removed afterwards (`resolve_overlap`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from services.mesher.surface.runs import Runs
from shared.arrays import Bool, Float32, Float64, Int16, Int32, Int64

_REACH = 3.0
"""Gaussians are cut off after this many sigmas."""
LEVELS = 8192
"""Quantisation levels of the blurred mask; values above `LEVELS // 2` are inside."""
_CHUNK_CELLS = 400_000
"""Cells of one intermediate array: few enough for the processor's cache."""
_OVERLAP = 600
"""Levels by which a mask of wider blur and its neighbour may add up to more than one: about a tenth of a voxel."""
_FOLDED, _COMPACT = 0.11, 0.16
"""Volume over area, divided by the cube root of the volume. Bowel is below the first value, most stomachs are above
the second, and a ball has 0.207."""
_THIN, _THICK = 3.0, 6.0
"""Volume over area in voxels: below the first value a wider blur would round the shape instead of removing noise."""
_WIDEST = 1.6
"""The largest blur scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Sampling points, `step` mm apart, at multiples of it from the centre of voxel 0.

    `pitch` is the step and `sigma` the blur, both in voxels (fast, middle, slow). `scale` is the geometric mean of
    the blur in mm: the distance that one sigma stands for.
    """

    step: float
    pitch: Float64
    sigma: Float64
    scale: float

    @classmethod
    def of(cls, spacing: Float64, step: float, blur_scale: float = 1.0) -> Lattice:
        """A lattice for voxels of `spacing` mm (fast, middle, slow); `blur_scale` widens the blur of the voxels.

        A sigma of 0.36 voxels is needed to remove the stairs of the voxels. Up to 0.42 voxels are used where that is
        below 0.4 steps, because the lattice cannot show the detail that is lost. A sigma below 0.3 steps would leave
        stairs of the lattice itself. (The three constants were chosen by trial.)
        """
        noise = np.maximum(0.36 * spacing, np.minimum(0.42 * spacing, 0.4 * step))
        sigma = np.maximum(0.3 * step, blur_scale * noise)
        return cls(step, step / spacing, sigma / spacing, float(np.exp(np.log(sigma).mean())))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Approximate signed distance to the surface of a label, positive inside, valid near the surface.

    `levels` (slow, middle, fast) is the blurred mask, quantised to 0 .. LEVELS, which takes half the memory of float32
    distances. `low` is the lattice index (fast, middle, slow) of its first point.
    """

    lattice: Lattice
    low: Int32
    levels: Int16

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points (slow, middle, fast)."""
        return self.levels.shape

    def distance(self, levels: Int16) -> Float32:
        """Distances in mm of levels: the inverse of the Gaussian's integral, times `lattice.scale`."""
        return (_PROBIT * np.float32(self.lattice.scale)).take(levels)

    def to_voxels(self, points: NDArray[np.floating]) -> Float64:
        """Voxel indices (n, 3) of positions (n, 3) on the grid of `levels`, all (fast, middle, slow)."""
        voxels: Float64 = (points + self.low) * self.lattice.pitch
        return voxels

    def contains(self, voxels: Float64) -> Bool:
        """Whether the lattice point nearest to each voxel index (n, 3) is inside (n,)."""
        index = np.rint(voxels / self.lattice.pitch).astype(np.int64) - self.low
        i, j, k = np.clip(index, 0, np.array(self.shape[::-1]) - 1).T
        inside: Bool = self.levels[k, j, i] > LEVELS // 2
        return inside

    def resolve_overlap(self, other: Field) -> None:
        """Lower this mask, in place, where it and `other` add up to more than one, so that surfaces do not cross."""
        low = np.maximum(self.low, other.low)
        high = np.minimum(self.low + self.shape[::-1], other.low + other.shape[::-1])
        if (low < high).all():
            mine = self.levels[_window(low - self.low, high - self.low)]
            theirs = other.levels[_window(low - other.low, high - other.low)]
            np.minimum(mine, LEVELS + _OVERLAP - theirs, out=mine)

    def interpolate(self, voxels: Float64, floor: float) -> Float32:
        """Distances (n,) at voxel indices (n, 3), linear between lattice points, or `floor` where they are far lower.

        Only points whose nearest lattice point is above `floor` are interpolated, as few vertices are near a neighbour.
        """
        distances = np.full(len(voxels), floor, dtype=np.float32)
        size = np.array(self.shape[::-1])
        flat, steps = self.levels.reshape(-1), np.array([1, size[0], size[0] * size[1]])
        place = voxels * (1.0 / self.lattice.pitch) - self.low
        within = (place >= 0.0) & (place < size - 1)
        near = np.flatnonzero(within[:, 0] & within[:, 1] & within[:, 2])
        place = place.take(near, axis=0)
        above = np.flatnonzero(self.distance(flat.take(np.rint(place).astype(np.int64) @ steps)) > floor)
        near, place = near.take(above), place.take(above, axis=0)
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
        distances[near] = total
        return distances


def _window(low: Int32, high: Int32) -> tuple[slice, ...]:
    return tuple(slice(int(first), int(last)) for first, last in zip(low[::-1], high[::-1], strict=True))


def blur_scale(runs: Runs, spacing: Float64) -> float:
    """How much wider than usual the blur of a label is: 1 for thin or folded organs, up to 1.6 for compact ones.

    A compact organ has no loops that a wider blur could join, and a thick organ is hardly rounded by it; both lose more
    of the noise of the voxels. `spacing` is (fast, middle, slow) in mm. Volume over area is a third of a ball's radius.
    """
    voxel = float(spacing.prod())
    thickness = runs.voxels * voxel / runs.area(spacing)
    compact = thickness / float(np.cbrt(runs.voxels * voxel))
    thick = thickness / float(np.cbrt(voxel))
    share = min((compact - _FOLDED) / (_COMPACT - _FOLDED), (thick - _THIN) / (_THICK - _THIN))
    return 1.0 + (_WIDEST - 1.0) * min(max(share, 0.0), 1.0)


def build_field(runs: Runs, lattice: Lattice) -> Field:
    """The field of the runs of a label; its outermost layer is outside everywhere.

    The blur is separable. Along the fast axis the blur of a run is the difference of two integrals, one per end, so
    only the ends of runs are looked up. Along the other two axes it is a product with a sparse matrix of weights. Where
    the lattice is much coarser than the voxels, rows of voxels are first summed in blocks.
    """
    low, high = runs.bounds()
    margin = lattice.sigma * [_REACH, 1.0, 1.0]
    first = np.floor((low - 0.5 - margin) / lattice.pitch).astype(np.int32) - 1
    last = np.ceil((high - 0.5 + margin) / lattice.pitch).astype(np.int32) + 1
    window = last - first + 1
    # A block is at most 0.7 steps: larger blocks would be visible in the samples.
    blocks = np.maximum(1, np.floor(0.7 * lattice.pitch)).astype(np.int32)
    low -= low % blocks  # all labels share the blocks; otherwise the blurred masks would not add up to one
    table = _endpoint_table(int(high[0]), lattice, int(first[0]), int(window[0]))
    middle, slow = (
        _weights(
            (int(low[axis]), int(high[axis]), int(blocks[axis])), lattice, axis, first[axis] + np.arange(window[axis])
        )
        for axis in (1, 2)
    )
    stack = _blur_planes(runs, (low, blocks), table, middle, (slow.shape[1], int(window[1]), int(window[0])))
    return Field(lattice, first, _blur_slow(stack, slow))


EndpointTable = tuple[Float64, Int64]


def _blur_planes(
    runs: Runs, grid: tuple[Int32, Int32], table: EndpointTable, middle: csr_array, shape: tuple[int, int, int]
) -> Float32:
    """The mask of each block of planes, blurred along the fast and the middle axis: `shape` (block, middle, fast).

    `grid` is the first voxel and the block size, (fast, middle, slow). Blocks are processed in chunks: `dense` has
    (line, block, fast), so that the product with `middle` blurs all blocks of a chunk at once. Cumulative sums turn the
    steps at the ends of runs into values last, when the array is smallest.
    """
    low, blocks = grid
    block = (runs.row // runs.middles - low[2]) // blocks[2]
    line = (runs.row % runs.middles - low[1]) // blocks[1]
    stack = np.empty(shape, dtype=np.float32)
    chunk = max(1, _CHUNK_CELLS // (middle.shape[1] * shape[2]))
    for at in range(0, shape[0], chunk):
        upto = min(shape[0], at + chunk)
        part = slice(*np.searchsorted(block, [at, upto]))  # runs are in memory order, so blocks are sorted
        size = (middle.shape[1], upto - at, shape[2])
        lines = line[part] * np.int64(size[1]) + block[part] - at
        dense = _spread(lines, runs[part], table, size)
        blurred = np.asarray(middle @ dense).reshape(-1, size[1], size[2])
        np.cumsum(blurred.transpose(1, 0, 2), axis=2, out=stack[at:upto])
    return stack


def _blur_slow(stack: Float32, slow: csr_array) -> Int16:
    """Blur along the slow axis and quantise, some planes at a time."""
    levels = np.empty((slow.shape[0], *stack.shape[1:]), dtype=np.int16)
    flat = stack.reshape(len(stack), -1)
    rows = max(1, _CHUNK_CELLS // flat.shape[1])
    for at in range(0, slow.shape[0], rows):
        blurred = np.asarray(slow[at : at + rows] @ flat)
        levels[at : at + rows] = _level(blurred).reshape(-1, *levels.shape[1:])
    return levels


def _endpoint_table(voxels: int, lattice: Lattice, first: int, window: int) -> EndpointTable:
    """Blurred steps of a run's end along the fast axis, for an end at each voxel edge (voxels + 1).

    Returns the increments (edges, taps) that a cumulative sum turns into the Gaussian's integral, and the lattice point
    (edges,) of the first increment, relative to `first`.
    """
    edge = np.arange(voxels + 1) - 0.5
    pitch, sigma = float(lattice.pitch[0]), float(lattice.sigma[0])
    begin = np.ceil((edge - _REACH * sigma) / pitch).astype(np.int64)
    taps = int(np.ceil(2 * _REACH * sigma / pitch)) + 1
    position = (begin[:, None] + np.arange(taps)) * pitch
    total = ndtr((position - edge[:, None]) / sigma)
    total[:, -1] = 1.0
    return np.diff(total, axis=1, prepend=0.0), np.clip(begin - first, 0, window - taps)


def _spread(lines: Int64, runs: Runs, table: EndpointTable, shape: tuple[int, ...]) -> Float32:
    """Increments along the fast axis of all runs, dense, on `shape`; the last two axes are flattened.

    `lines` counts the first two axes of `shape` together. A start adds increments, a stop subtracts them.
    """
    steps_at, offset = table
    reach = np.arange(steps_at.shape[1])
    ends = np.concatenate([runs.start, runs.stop])
    first = np.concatenate([lines, lines]) * shape[2] + offset.take(ends)
    weight = steps_at.take(ends, axis=0)
    weight[len(runs) :] *= -1.0
    places, size = (first[:, None] + reach).reshape(-1), shape[0] * shape[1] * shape[2]
    # Converting a one-row CSR matrix to dense sums what has the same place. np.bincount does the same, but keeps the
    # interpreter lock.
    steps = csr_array((weight.astype(np.float32).reshape(-1), places, [0, len(places)]), shape=(1, size))
    return steps.toarray().reshape(shape[0], -1)


def _weights(voxels: tuple[int, int, int], lattice: Lattice, axis: int, points: Int64) -> csr_array:
    """Gaussian weights (points, blocks) along one axis; `voxels` is (low, high, block size).

    A block is a box filter of variance (block^2 - 1) / 12, which is subtracted from the variance of the Gaussian.
    """
    low, high, block = voxels
    count = -(-(high - low) // block)
    edges = low - 0.5 + block * np.arange(count + 1)
    sigma = float(np.sqrt(max(float(lattice.sigma[axis]) ** 2 - (block**2 - 1) / 12.0, 0.05)))
    position = np.asarray(points)[:, None] * float(lattice.pitch[axis])
    total = ndtr((position - edges[None, :]) / sigma)
    weights = ((total[:, :-1] - total[:, 1:]) / block).astype(np.float32)
    weights[weights < 1e-4] = 0.0  # below the quantisation of the field
    return csr_array(weights)


def _probit_table() -> Float32:
    # Levels 0 and LEVELS stand for values up to half a level away: a quarter of a level keeps their distance finite.
    share = np.clip((np.arange(LEVELS + 1)) / LEVELS, 0.25 / LEVELS, 1.0 - 0.25 / LEVELS)
    table: Float32 = ndtri(share).astype(np.float32)
    return table


_PROBIT = _probit_table()


def _level(blurred: Float32) -> Int16:
    """Quantise to the nearest level; `blurred` is overwritten."""
    blurred *= np.float32(LEVELS)
    blurred += np.float32(0.5)
    level: Int16 = np.minimum(blurred.astype(np.int16), LEVELS)
    return level
