"""Edits of a label map as JSON. Voxels are counted as in `labels.nii.gz`: (column, row, slice), columns fastest."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_EDITS, MOST_RUNS = 1000, 65_536
Label = Annotated[int, Field(ge=1, le=255)]
LabelOrBackground = Annotated[int, Field(ge=0, le=255)]
Index = Annotated[int, Field(ge=0, lt=1 << 20)]
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


class Fill(_Edit):
    """Fill the background that a label encloses; `in_slices` fills what it encloses within each slice."""

    kind: Literal["fill"]
    label: Label
    in_slices: bool = False


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


class LabelEdits(BaseModel):
    """Edits in the order in which they are made."""

    model_config = ConfigDict(extra="forbid")

    edits: Annotated[
        list[Annotated[Relabel | Fill | Erase | Paint, Field(discriminator="kind")]],
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
