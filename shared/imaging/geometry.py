"""Where voxels are in the patient.

Arrays are indexed (slice, row, column). An affine maps an index (column, row, slice) to patient millimetres in the
DICOM convention, LPS: +x to the patient's left, +y to posterior, +z to the head (DICOM PS3.3 C.7.6.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadGeometry

Floats = NDArray[np.float64]
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SAME_PLACE = 0.05
AXIAL = ("L", "P", "I")
"""Directions of (column, row, slice) that the models were trained on: slice numbers towards the feet."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The grid of a scan: `shape` is (slices, rows, columns), `affine` maps (column, row, slice) to LPS mm."""

    shape: tuple[int, int, int]
    affine: Floats

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], [0, 0, 0, 1]):
            raise BadGeometry("The scan's affine is not a finite 4 x 4 matrix.")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise BadGeometry("The scan's affine is singular: two of its axes point the same way.")
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Geometry) and self.shape == other.shape and np.allclose(self.affine, other.affine)

    def __hash__(self) -> int:
        return hash(self.shape)

    @classmethod
    def from_spacing(
        cls,
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        directions: tuple[int, int, int] = (1, 1, 1),
    ) -> Geometry:
        """Return a grid along the patient's axes with origin 0.

        `spacing` is (slice, row, column) mm, `directions` the LPS sign of each axis.
        """
        dz, dy, dx = spacing
        sx, sy, sz = directions
        return cls(shape, np.diag([sx * dx, sy * dy, sz * dz, 1.0]))

    @classmethod
    def from_ras(cls, shape: tuple[int, int, int], affine: Floats) -> Geometry:
        """Return the same grid from an affine in the NIfTI convention (RAS)."""
        return cls(shape, LPS_FROM_RAS @ np.asarray(affine, dtype=np.float64))

    @property
    def ras(self) -> Floats:
        """Return the affine in the NIfTI convention: (column, row, slice) to RAS mm."""
        return LPS_FROM_RAS @ self.affine

    def is_same_grid(self, other: Geometry) -> bool:
        """Return whether another grid has this shape, and its corners where this one has them.

        A twentieth of the smallest voxel side is allowed: programs store an orientation as a rounded quaternion.
        """
        if self.shape != other.shape:
            return False
        slices, rows, columns = self.shape
        corners = np.array(list(product((0, columns - 1), (0, rows - 1), (0, slices - 1))), dtype=np.float64)
        apart = np.linalg.norm(self.to_patient(corners) - other.to_patient(corners), axis=1).max()
        return bool(apart <= _SAME_PLACE * min(self.spacing))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Return the distances between neighbouring voxels in mm, (slice, row, column)."""
        column, row, slice_ = (float(n) for n in np.linalg.norm(self.affine[:3, :3], axis=0))
        return slice_, row, column

    @property
    def voxel_ml(self) -> float:
        """Return the volume of one voxel in millilitres."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def part(self, axis: int, start: int, stop: int) -> Geometry:
        """Return the grid of indices `start` to `stop` (exclusive) along an array axis (0 slice, 1 row, 2 column)."""
        shape, affine = list(self.shape), self.affine.copy()
        shape[axis] = stop - start
        affine[:3, 3] += affine[:3, 2 - axis] * start  # columns of the affine are (column, row, slice)
        return Geometry((shape[0], shape[1], shape[2]), affine)

    def to_patient(self, index: NDArray[Any]) -> Floats:
        """Return patient LPS mm (..., 3) of indices (..., 3) in (column, row, slice) order; fractions are allowed."""
        points: Floats = np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return points

    def to_index(self, points: NDArray[Any]) -> Floats:
        """Return fractional indices (..., 3) in (column, row, slice) order of patient LPS points (..., 3) in mm."""
        inverse = np.linalg.inv(self.affine)
        index: Floats = np.asarray(points, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
        return index


@dataclass(frozen=True, slots=True)
class Reorientation:
    """A lossless change of array axes (permutation and flips) and its inverse.

    `order[i]` is the source array axis that becomes axis i; `flip[i]` says whether axis i is then reversed.
    """

    source: Geometry
    order: tuple[int, int, int]
    flip: tuple[bool, bool, bool]

    @property
    def target(self) -> Geometry:
        """Return the grid after the change of axes; every voxel keeps its position in the patient."""
        shape = tuple(self.source.shape[axis] for axis in self.order)
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1.0
        for axis, (origin, flipped) in enumerate(zip(self.order, self.flip, strict=True)):
            new, old = 2 - axis, 2 - origin  # columns of the affine are (column, row, slice): array axes in reverse
            matrix[old, new] = -1.0 if flipped else 1.0
            matrix[old, 3] = shape[axis] - 1 if flipped else 0.0
        return Geometry((shape[0], shape[1], shape[2]), self.source.affine @ matrix)

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a source array (slice, row, column) on the target grid."""
        return np.transpose(array, self.order)[tuple(slice(None, None, -1 if f else 1) for f in self.flip)]

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of a target array on the source grid."""
        unflipped = array[tuple(slice(None, None, -1 if f else 1) for f in self.flip)]
        return np.transpose(unflipped, np.argsort(self.order))


def to_axial(geometry: Geometry, codes: tuple[str, str, str] = AXIAL) -> Reorientation:
    """Return the change of axes after which (column, row, slice) run closest to `codes` (letters as in nibabel)."""
    from nibabel import orientations

    current = orientations.io_orientation(geometry.ras)
    transform = orientations.ornt_transform(current, orientations.axcodes2ornt(codes))
    # nibabel: transform[i] = (target axis of source axis i, sign); its axes are (column, row, slice)
    order, flip = [0, 0, 0], [False, False, False]
    for source_axis, (target_axis, sign) in enumerate(transform):
        axis = 2 - int(target_axis)
        order[axis] = 2 - source_axis
        flip[axis] = sign < 0
    return Reorientation(geometry, (order[0], order[1], order[2]), (flip[0], flip[1], flip[2]))
