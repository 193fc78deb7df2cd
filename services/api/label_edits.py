"""Edits of a label map as JSON. Voxels are counted as in `labels.nii.gz`: (column, row, slice), columns fastest."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_EDITS, MOST_RUNS = 1000, 65_536
Label = Annotated[int, Field(ge=1, le=255)]
LabelOrBackground = Annotated[int, Field(ge=0, le=255)]
Index = Annotated[int, Field(ge=0, lt=1 << 20)]
Axis = Literal["column", "row", "slice"]
Offset = Annotated[int, Field(ge=0, lt=1 << 40)]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Relabel(_Edit):
    """Give the connected part at a voxel another label, or 0 for background.

    Connected are voxels that share a face, an edge or a corner. `in_slice` limits the part to that slice.
    """

    kind: Literal["relabel"]
    at: tuple[Index, Index, Index]
    label: LabelOrBackground
    in_slice: bool = False


class _InSlices(_Edit):
    """An edit that may be limited to some slices: `slices` are the first and the last of them, along `axis`."""

    slices: tuple[Index, Index] | None = None
    axis: Axis = "slice"


class Fill(_InSlices):
    """Fill the background that a label encloses; `in_slices` fills what it encloses within each slice.

    `slices` limits it to those from the first to the last along `axis`, and to what is enclosed within each of them.
    """

    kind: Literal["fill"]
    label: Label
    in_slices: bool = False


class Smooth(_InSlices):
    """Smooth the outline of a label by a Gaussian of `mm`; its volume stays, and so do other labels.

    `slices` limits it to those from the first to the last along `axis`, each smoothed by itself.
    """

    kind: Literal["smooth"]
    label: Label
    mm: Annotated[float, Field(gt=0, le=10)]


class Islands(_Edit):
    """Make the connected parts of a label that have less than `below_ml` mL background; the largest part stays."""

    kind: Literal["islands"]
    label: Label
    below_ml: Annotated[float, Field(gt=0, le=100_000)]


class Interpolate(_Edit):
    """Give a label the shapes between its parts at some voxels, in slices along `axis`.

    The parts in two neighbouring of these slices must overlap. A part of the label between them that meets the new
    shape is replaced; others stay.
    """

    kind: Literal["interpolate"]
    label: Label
    at: Annotated[list[tuple[Index, Index, Index]], Field(min_length=2, max_length=1000)]
    axis: Axis = "slice"


class Erase(_Edit):
    """Make a label background; `slices` are the first and the last slice of it."""

    kind: Literal["erase"]
    label: Label
    slices: tuple[Index, Index] | None = None


class Paint(_Edit):
    """Give runs of voxels a label: (start, length), `start` counted along columns, then rows, then slices."""

    kind: Literal["paint"]
    label: LabelOrBackground
    runs: Annotated[list[tuple[Offset, Offset]], Field(min_length=1, max_length=MOST_RUNS)]


AnyEdit = Relabel | Fill | Erase | Paint | Smooth | Islands | Interpolate


class LabelEdits(BaseModel):
    """Edits in the order in which they are made."""

    model_config = ConfigDict(extra="forbid")

    edits: Annotated[
        list[Annotated[AnyEdit, Field(discriminator="kind")]],
        Field(min_length=1, max_length=MOST_EDITS),
    ]

    def plain(self) -> list[dict[str, Any]]:
        """Return the edits as JSON."""
        return [edit.model_dump(mode="json") for edit in self.edits]

    def kinds(self) -> tuple[str, ...]:
        """Return each kind of edit once."""
        return tuple(dict.fromkeys(edit.kind for edit in self.edits))


class LabelChange(BaseModel):
    """The voxels that a label gained and lost."""

    label: int
    added: int
    removed: int


class RevisionFailure(BaseModel):
    """Why a revision failed."""

    code: str


class Revision(BaseModel):
    """One revision of a result; 1 is the algorithm's, which nobody edited.

    `edited_by` is the key or subject, as in the audit trail; `kinds` are those of the edits.
    """

    revision: int
    state: Literal["queued", "running", "succeeded", "failed"]
    base: int | None
    edited_by: str | None
    edited_at: datetime | None
    kinds: list[str]
    changed: list[LabelChange]
    ended: datetime | None
    error: RevisionFailure | None
    links: dict[str, str]


class RevisionList(BaseModel):
    """The revisions of a job's result, oldest first."""

    items: list[Revision]
