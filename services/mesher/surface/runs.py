"""Run-length encoding of label maps.

A run is an unbroken stretch of voxels of one label along the axis that is fastest in memory. One pass over the voxels
finds all runs. Volumes, bounding boxes, connected components and fields are computed from the runs, because there are
about as many runs as voxels on the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from services.mesher.surface.parallel import Map
from shared.arrays import Bool, Float32, Float64, Int32, Int64, UInt8
from shared.imaging.volume import LabelMap

_CHUNK_BYTES = 2_000_000
"""Voxels that one task encodes: few enough for the processor's cache, enough to outweigh the task's overhead."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A label map with its axes in memory order.

    `data` is (slow, middle, fast) and C-contiguous. `matrix` (3, 3) and `origin` (3,) map a voxel index
    (fast, middle, slow) to patient LPS mm.
    """

    data: UInt8
    matrix: Float64
    origin: Float64

    @classmethod
    def of(cls, label_map: LabelMap) -> Layout:
        """Permute and flip the axes into memory order; only data that is not one block of memory is copied."""
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

    def to_index(self, points: Float64) -> Float32:
        """Voxel indices (3, n), rows (fast, middle, slow), of points (n, 3) in patient LPS mm."""
        inverse = np.linalg.inv(self.matrix)
        near = np.ascontiguousarray((points - points[:1]).T, dtype=np.float32)
        index: Float32 = inverse.astype(np.float32) @ near
        index += (inverse @ (points[:1] - self.origin).T).astype(np.float32)
        return index

    def to_patient(self, index: Float64) -> Float64:
        """Points (n, 3) in patient LPS mm of voxel indices (n, 3), (fast, middle, slow)."""
        return np.asarray(np.einsum("nk,ck->nc", index, self.matrix) + self.origin)

    @property
    def spacing(self) -> Float64:
        """Distances between voxel centres in mm, (fast, middle, slow)."""
        size: Float64 = np.linalg.norm(self.matrix, axis=0)
        return size

    @property
    def right_handed(self) -> bool:
        """Whether (fast, middle, slow) form a right-handed frame in the patient."""
        return bool(np.linalg.det(self.matrix) > 0)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel in mm3."""
        return float(abs(np.linalg.det(self.matrix)))


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of one label in memory order.

    Run i has the voxels [start[i], stop[i]) of row `row[i]`, which is slow * middles + middle.
    """

    row: Int32
    start: Int32
    stop: Int32
    middles: int

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, selection: Bool | slice) -> Runs:
        return Runs(self.row[selection], self.start[selection], self.stop[selection], self.middles)

    @property
    def lengths(self) -> Int32:
        """Number of voxels of each run."""
        return self.stop - self.start

    @property
    def voxels(self) -> int:
        """Number of voxels of all runs."""
        return int(self.lengths.sum(dtype=np.int64))

    def bounds(self) -> tuple[Int32, Int32]:
        """Lowest voxel index and one past the highest, each (fast, middle, slow)."""
        middle, slow = self.row % self.middles, self.row // self.middles
        low = np.array([self.start.min(), middle.min(), slow.min()], dtype=np.int32)
        high = np.array([self.stop.max(), middle.max() + 1, slow.max() + 1], dtype=np.int32)
        return low, high

    def area(self, spacing: Float64) -> float:
        """Approximate area of the label's surface in mm2; `spacing` is (fast, middle, slow) in mm.

        The faces of voxels have 3/2 of the area of a smooth surface, averaged over all directions (Cauchy 1841).
        """
        return self.exposed_area(spacing) / 1.5

    def exposed_area(self, spacing: Float64) -> float:
        """Area in mm2 of all voxel faces between the label and other voxels; `spacing` is (fast, middle, slow)."""
        fast, middle, slow = (float(mm) for mm in spacing)
        ends = 2.0 * len(self) * middle * slow
        along_middle, along_slow = self._neighbour_counts
        middle_sides = 2.0 * (self.voxels - along_middle) * fast * slow
        slow_sides = 2.0 * (self.voxels - along_slow) * fast * middle
        return ends + (middle_sides + slow_sides)

    @cached_property
    def _neighbour_counts(self) -> tuple[int, int]:
        """Number of voxels that have a voxel of the label after them along the middle and along the slow axis."""
        has_next = self.row % self.middles < self.middles - 1  # the row after the last one is in another plane
        return self._neighbours(1, has_next), self._neighbours(self.middles, np.ones(len(self), dtype=bool))

    def _neighbours(self, rows: int, selection: Bool) -> int:
        """Number of voxels of the selected runs that have a voxel of the label `rows` rows further on.

        Rows one after another form a line; `before` counts the label's voxels up to each run, so that the label's
        voxels below any place of the line take one binary search.
        """
        width = int(self.stop.max())
        begin = self.row.astype(np.int64) * width + self.start
        end = begin + self.lengths
        before = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

        def voxels_below(place: Int64) -> Int64:
            number = np.searchsorted(begin, place, side="right")
            run = np.maximum(number - 1, 0)
            return before[number] - np.where(number > 0, np.maximum(end[run] - place, 0), 0)

        first, last = begin[selection] + rows * width, end[selection] + rows * width
        return int((voxels_below(last) - voxels_below(first)).sum())

    def components(self) -> tuple[int, Int32]:
        """Number of 26-connected components, and the component of each run (n,)."""
        count = len(self)
        first, second = self._adjacent()
        # csgraph works on float64 weights and int32 indices, and copies what has other types.
        graph = coo_array((np.ones(len(first)), (first, second)), shape=(count, count)).tocsr()
        number, component = connected_components(graph, directed=False)
        return int(number), component.astype(np.int32)

    def _adjacent(self) -> tuple[Int32, Int32]:
        """Pairs of runs in neighbouring rows whose voxels share a corner, an edge or a face.

        For each of the four neighbouring rows that come later in memory, every run is paired with all runs of that
        row, and the pairs that do not meet are removed.
        """
        low, high = int(self.row[0]), int(self.row[-1])
        begins = np.zeros(high - low + 2, dtype=np.int32)
        np.cumsum(np.bincount(self.row - low), out=begins[1:])
        middle = self.row % self.middles
        firsts, seconds = [], []
        for offset, step in ((1, 1), (self.middles - 1, -1), (self.middles, 0), (self.middles + 1, 1)):
            valid = self.row <= high - offset
            if step:
                valid &= middle < self.middles - 1 if step > 0 else middle > 0
            runs = np.flatnonzero(valid).astype(np.int32)
            target = self.row.take(runs) + np.int32(offset - low)
            begin = begins.take(target)
            number = begins.take(target + 1) - begin
            first = np.repeat(runs, number)
            before: Int32 = np.cumsum(number, dtype=np.int32) - number
            second: Int32 = np.repeat(begin - before, number) + np.arange(len(first), dtype=np.int32)
            is_adjacent = self.start.take(first) <= self.stop.take(second)
            is_adjacent &= self.start.take(second) <= self.stop.take(first)
            firsts.append(first[is_adjacent])
            seconds.append(second[is_adjacent])
        return np.concatenate(firsts), np.concatenate(seconds)

    def paint(self, low: Int32, high: Int32) -> Bool:
        """Mask (slow, middle, fast) of the box [low, high) (fast, middle, slow), which must hold all runs.

        +1 at each start and -1 at each stop, summed along the row, is 1 inside a run and 0 elsewhere.
        """
        fast, middles, slows = (int(n) for n in high - low)
        edge = np.zeros((slows * middles, fast + 1), dtype=np.int8)
        row = (self.row // self.middles - low[2]) * middles + self.row % self.middles - low[1]
        edge[row, self.start - low[0]] += 1
        np.subtract.at(edge, (row, self.stop - low[0]), 1)
        inside = np.cumsum(edge, axis=1, dtype=np.int8)[:, :fast].astype(bool)
        return np.asarray(inside.reshape(slows, middles, fast))

    def paint_into(self, data: UInt8, label: int) -> None:
        """Write `label` into the runs' voxels of `data` (slow, middle, fast), C-contiguous."""
        low, high = self.bounds()
        box = tuple(slice(int(first), int(last)) for first, last in zip(low[::-1], high[::-1], strict=True))
        data[box][self.paint(low, high)] = label


def encode_runs(data: UInt8, map_: Map = map) -> dict[int, Runs]:
    """Runs of every label above 0 in `data` (slow, middle, fast), C-contiguous, by label."""
    if not data.size:
        return {}
    slows, middles, fast = data.shape
    rows = data.reshape(slows * middles, fast)
    step = 8 * max(1, _CHUNK_BYTES // (8 * fast))
    parts = list(map_(lambda at: _encode_rows(rows[at : at + step], at), range(0, len(rows), step)))
    row, start, stop, label = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    runs = {}
    for number in np.flatnonzero(np.bincount(label, minlength=256)):
        selection = label == number
        runs[int(number)] = Runs(row[selection], start[selection], stop[selection], middles)
    return runs


def _occupied(rows: UInt8) -> Int64:
    """Indices of rows that may hold a label: whole groups of eight rows, and the rows after the last group.

    Eight rows together have a length that is a multiple of 8 bytes whatever the row's length is, so they can be viewed
    as uint64 words; a word is 0 where all of its eight voxels are background. That is eight times fewer tests.
    """
    blocks = len(rows) // 8
    words = rows[: 8 * blocks].reshape(-1).view(np.uint64).reshape(blocks, rows.shape[1])
    occupied = np.flatnonzero(np.bitwise_or.reduce(words, axis=1))
    within: Int64 = (8 * occupied[:, None] + np.arange(8)).reshape(-1)
    return np.concatenate([within, np.arange(8 * blocks, len(rows))])


def _encode_rows(rows: UInt8, first: int) -> tuple[Int32, Int32, Int32, UInt8]:
    """Row, start, stop and label of each run in `rows`, which are numbered from `first`."""
    occupied, fast = _occupied(rows), rows.shape[1]
    # Rows are padded to a multiple of 8 with at least one background voxel: no run continues into the next row.
    width = fast + 1 + (-(fast + 1)) % 8
    padded = np.zeros((len(occupied), width), dtype=np.uint8)
    padded[:, :fast] = rows[occupied]
    flat = padded.reshape(-1)
    # change[i] says that voxel i differs from voxel i - 1: a run starts there, stops there, or both.
    change = np.empty(len(flat), dtype=bool)
    change[:1] = flat[:1] > 0
    np.not_equal(flat[1:], flat[:-1], out=change[1:])
    # Eight flags are one uint64 word. Most words are 0, so the flags of the other words alone are searched; a place in
    # those (`at`) has its word in the upper bits and the byte within the word in the lowest three.
    words = np.flatnonzero(change.view(np.uint64))
    at = np.flatnonzero(change.reshape(-1, 8)[words].reshape(-1))
    at = words[at >> 3] * 8 + (at & 7)
    label = flat[at]
    begins = np.flatnonzero(label)
    # A run stops at the next change, which always exists because rows end in background.
    start, stop = at[begins], at[np.minimum(begins + 1, len(at) - 1)]
    row, column = np.divmod(start, width)
    length = (stop - start).astype(np.int32)
    column = column.astype(np.int32)
    return (occupied[row] + first).astype(np.int32), column, column + length, label[begins]
