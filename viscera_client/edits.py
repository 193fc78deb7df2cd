"""Edits of a label map. Voxels are counted as in `labels.nii.gz`: (column, row, slice) from 0, columns fastest."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Axis = Literal["column", "row", "slice"]


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Relabel(_Edit):
    """Give the connected part at a voxel another label, or 0 for background; `in_slice` limits it to that slice."""

    kind: Literal["relabel"] = "relabel"
    at: tuple[int, int, int]
    label: int
    in_slice: bool = False


class Fill(_Edit):
    """Fill the background that a label encloses; `in_slices` fills what it encloses within each slice.

    `slices` limits it to those from the first to the last along `axis`, and to what is enclosed within each of them.
    """

    slices: tuple[int, int] | None = None
    axis: Axis = "slice"
    kind: Literal["fill"] = "fill"
    label: int
    in_slices: bool = False


class Erase(_Edit):
    """Make a label background; `slices` are the first and the last slice of it."""

    kind: Literal["erase"] = "erase"
    label: int
    slices: tuple[int, int] | None = None


class Paint(_Edit):
    """Give runs of voxels a label: (start, length), `start` counted along columns, then rows, then slices."""

    kind: Literal["paint"] = "paint"
    label: int
    runs: list[tuple[int, int]]


class Smooth(_Edit):
    """Smooth the outline of a label by a Gaussian of `mm`, in the volume or in each of some slices along `axis`."""

    slices: tuple[int, int] | None = None
    axis: Axis = "slice"
    kind: Literal["smooth"] = "smooth"
    label: int
    mm: float


class Islands(_Edit):
    """Make the connected parts of a label that have less than `below_ml` mL background; the largest part stays."""

    kind: Literal["islands"] = "islands"
    label: int
    below_ml: float


class Interpolate(_Edit):
    """Give a label the shapes between its parts at some voxels, in slices along `axis`."""

    kind: Literal["interpolate"] = "interpolate"
    label: int
    at: list[tuple[int, int, int]]
    axis: Axis = "slice"


Edit = Relabel | Fill | Erase | Paint | Smooth | Islands | Interpolate
