"""Edits of a label map. Voxels are counted as in `labels.nii.gz`: (column, row, slice) from 0, columns fastest."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Relabel(_Edit):
    """Give the connected part at a voxel another label, or 0 for background; `in_slice` limits it to that slice."""

    kind: Literal["relabel"] = "relabel"
    at: tuple[int, int, int]
    label: int
    in_slice: bool = False


class Fill(_Edit):
    """Fill the background that a label encloses; `in_slices` fills what it encloses within each slice."""

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


Edit = Relabel | Fill | Erase | Paint
