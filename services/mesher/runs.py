"""Label maps as runs: one pass over the voxels, after which nothing has to look at them again.

A run is an unbroken stretch of one label along the axis that lies fastest in memory. Volumes, bounding boxes,
connected components and smooth fields all follow from the runs, which are about as many as a surface has voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from services.mesher.beside import Beside
from shared.imaging.volume import LabelMap

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
_CHUNK_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A label map's voxels in memory order: `data` is (slow, middle, fast), C-contiguous.

    `matrix` (3, 3) and `origin` (3,) map an index in (fast, middle, slow) order to patient LPS mm; `spacing` is in mm,
    (fast, middle, slow).
    """

    data: NDArray[np.uint8]
    matrix: Floats
    origin: Floats

    @classmethod
    def of(cls, label_map: LabelMap) -> Layout:
        """Turn the axes so that memory is read forwards; copies only what is not one block of memory."""
        data, affine = label_map.data, label_map.geometry.affine
        order = sorted(range(3), key=lambda axis: -abs(data.strides[axis]))
        flips = [data.strides[axis] < 0 for axis in order]
        turned = data.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
        matrix, origin = affine[:3, [2 - axis for axis in order]].copy(), affine[:3, 3].copy()
        for column, flip in enumerate(flips):
            if flip:
                origin += matrix[:, column] * (turned.shape[column] - 1)
                matrix[:, column] *= -1.0
        return cls(np.ascontiguousarray(turned), np.ascontiguousarray(matrix[:, ::-1]), origin)

    @property
    def spacing(self) -> Floats:
        """Voxel sizes in mm, (fast, middle, slow)."""
        size: Floats = np.linalg.norm(self.matrix, axis=0)
        return size

    @property
    def right_handed(self) -> bool:
        """Whether (fast, middle, slow) form a right-handed frame in the patient."""
        return bool(np.linalg.det(self.matrix) > 0)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(abs(np.linalg.det(self.matrix)))


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The runs of one label in reading order: voxels [start, stop) of row `row` (slow * middles + middle)."""

    row: Ints
    start: Ints
    stop: Ints
    middles: int

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: NDArray[np.bool_] | slice) -> Runs:
        return Runs(self.row[chosen], self.start[chosen], self.stop[chosen], self.middles)

    @property
    def lengths(self) -> Ints:
        """Voxels of each run."""
        return self.stop - self.start

    @property
    def voxels(self) -> int:
        """Voxels of all runs."""
        return int(self.lengths.sum(dtype=np.int64))

    def bounds(self) -> tuple[Ints, Ints]:
        """Lowest voxel and the one past the highest, each (fast, middle, slow)."""
        middle, slow = self.row % self.middles, self.row // self.middles
        low = np.array([self.start.min(), middle.min(), slow.min()], dtype=np.int32)
        high = np.array([self.stop.max(), middle.max() + 1, slow.max() + 1], dtype=np.int32)
        return low, high

    def area(self, spacing: Floats) -> float:
        """About the surface's area in mm2; `spacing` is (fast, middle, slow).

        Voxel faces count 3/2 of a surface's area on average over its directions (Cauchy 1841).
        """
        fast, middle, slow = (float(mm) for mm in spacing)
        alone = self.voxels
        ends = 2.0 * len(self) * middle * slow
        sides = (
            2.0 * (alone - self._shared(1)) * fast * slow + 2.0 * (alone - self._shared(self.middles)) * fast * middle
        )
        return (ends + sides) / 1.5

    def _shared(self, rows: int) -> int:
        """Voxels that have another voxel of the label so many rows further on."""
        width = int(self.stop.max())
        begin = self.row.astype(np.int64) * width + self.start
        end = begin + self.lengths
        before = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

        def below(place: NDArray[np.int64]) -> NDArray[np.int64]:
            number = np.searchsorted(begin, place, side="right")
            last = np.maximum(number - 1, 0)
            return before[number] - np.where(number > 0, np.maximum(end[last] - place, 0), 0)

        shift = rows * width
        return int((below(end + shift) - below(begin + shift)).sum())

    def components(self) -> tuple[int, Ints]:
        """How many 26-connected components there are, and which one each run belongs to."""
        count = len(self)
        first, second = self._touching()
        graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
        number, which = connected_components(graph, directed=False)
        return int(number), which.astype(np.int32)

    def _touching(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of runs in neighbouring rows that share a corner, an edge or a face of voxels."""
        low, high = int(self.row[0]), int(self.row[-1])
        begins = np.zeros(high - low + 2, dtype=np.int32)
        np.cumsum(np.bincount(self.row - low), out=begins[1:])
        middle = self.row % self.middles
        firsts, seconds = [], []
        for offset, step in ((1, 1), (self.middles - 1, -1), (self.middles, 0), (self.middles + 1, 1)):
            valid = (self.row <= high - offset) & (middle + step >= 0) & (middle + step < self.middles)
            own = np.flatnonzero(valid)
            target = self.row.take(own) + (offset - low)
            begin = begins.take(target)
            number = begins.take(target + 1) - begin
            first = np.repeat(own, number)
            second = np.repeat(begin - np.cumsum(number) + number, number) + np.arange(len(first))
            meet = self.start.take(first) <= self.stop.take(second)
            meet &= self.start.take(second) <= self.stop.take(first)
            firsts.append(first[meet])
            seconds.append(second[meet])
        return np.concatenate(firsts), np.concatenate(seconds)

    def paint(self, low: Ints, high: Ints) -> NDArray[np.bool_]:
        """The voxels of the box [low, high) (fast, middle, slow) as bool (slow, middle, fast); runs must lie in it."""
        fast, middles, slows = (int(n) for n in high - low)
        edge = np.zeros((slows * middles, fast + 1), dtype=np.int8)
        row = (self.row // self.middles - low[2]) * middles + self.row % self.middles - low[1]
        edge[row, self.start - low[0]] += 1
        np.subtract.at(edge, (row, self.stop - low[0]), 1)
        inside = np.cumsum(edge, axis=1, dtype=np.int8)[:, :fast].astype(bool)
        return np.asarray(inside.reshape(slows, middles, fast))

    def paint_into(self, data: NDArray[np.uint8], label: int) -> None:
        """Write `label` into the runs' voxels of `data` (slow, middle, fast), C-contiguous."""
        low, high = self.bounds()
        box = tuple(slice(int(first), int(last)) for first, last in zip(low[::-1], high[::-1], strict=True))
        data[box][self.paint(low, high)] = label


def scan(data: NDArray[np.uint8], beside: Beside = map) -> dict[int, Runs]:
    """The runs of every label above 0 in `data` (slow, middle, fast), C-contiguous, by label."""
    if not data.size:
        return {}
    slows, middles, fast = data.shape
    rows = data.reshape(slows * middles, fast)
    step = 8 * max(1, _CHUNK_BYTES // (8 * fast))
    parts = list(beside(lambda at: _scan_rows(rows[at : at + step], at), range(0, len(rows), step)))
    row, start, stop, label = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    runs = {}
    for number in np.flatnonzero(np.bincount(label, minlength=256)):
        chosen = label == number
        runs[int(number)] = Runs(row[chosen], start[chosen], stop[chosen], middles)
    return runs


def _occupied(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rows among which are all that hold a label: eight rows together are words, which are looked at faster."""
    blocks = len(rows) // 8
    words = rows[: 8 * blocks].reshape(-1).view(np.uint64).reshape(blocks, rows.shape[1])
    near = np.flatnonzero(np.bitwise_or.reduce(words, axis=1))
    within: NDArray[np.int64] = (8 * near[:, None] + np.arange(8)).reshape(-1)
    return np.concatenate([within, np.arange(8 * blocks, len(rows))])


def _scan_rows(rows: NDArray[np.uint8], first: int) -> tuple[Ints, Ints, Ints, NDArray[np.uint8]]:
    """Row, start, stop and label of each run in some rows, which are numbered from `first` on."""
    chosen, fast = _occupied(rows), rows.shape[1]
    width = fast + 1 + (-(fast + 1)) % 8
    padded = np.zeros((len(chosen), width), dtype=np.uint8)
    padded[:, :fast] = rows[chosen]
    flat = padded.reshape(-1)
    change = np.empty(len(flat), dtype=bool)
    change[:1] = flat[:1] > 0
    np.not_equal(flat[1:], flat[:-1], out=change[1:])
    words = np.flatnonzero(change.view(np.uint64))
    at = np.flatnonzero(change.reshape(-1, 8)[words].reshape(-1))
    at = words[at >> 3] * 8 + (at & 7)
    label = flat[at]
    begins = np.flatnonzero(label)
    start, stop = at[begins], at[np.minimum(begins + 1, len(at) - 1)]
    row, column = np.divmod(start, width)
    length = (stop - start).astype(np.int32)
    column = column.astype(np.int32)
    return (chosen[row] + first).astype(np.int32), column, column + length, label[begins]
