"""Corrects a label map, in the child of the sandbox: an uploaded map or a list of edits becomes the next revision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared.arrays import UInt8
from shared.artifacts import save_labels
from shared.errors import BadScan, NotAScan, Unprocessable
from shared.imaging import edits, outline_edits
from shared.imaging.formats import open_scan
from shared.imaging.geometry import Geometry
from shared.imaging.label_values import to_labels
from shared.imaging.outline_edits import Spacing
from shared.imaging.volume import LabelMap, Organ

_COPIES_OF_UPLOAD = 6
_BYTES_A_VOXEL, _BYTES_AN_EDITED_VOXEL = 8, 24
"""Memory beside the decoder's budget: copies of the declared voxels, and maps, masks and components."""
_FORMATS = "A corrected label map is a NIfTI or NRRD file."
Limit = Callable[[int], None]


def correct(
    limit: Limit, load: Callable[[str], None], budget: int, arguments: dict[str, Any]
) -> dict[str, dict[str, Sequence[int]]]:
    """Write the corrected map to `out` and return the voxels that each label gained and lost.

    Raises Unprocessable or a `BadScan` for a map that does not belong to the job, or an edit that does not fit.
    """
    plan = open_scan(Path(arguments["files"][0][0]), prepare=load, modality="MR")
    slices, rows, columns = plan.geometry.shape
    per_voxel = _BYTES_AN_EDITED_VOXEL if arguments["edits"] else _BYTES_A_VOXEL
    room = budget + per_voxel * slices * rows * columns
    limit(room)
    before: UInt8 = plan.decode().data
    organs = tuple(Organ(*fields) for fields in arguments["organs"])
    path = arguments["path"]
    after = (
        _uploaded(Path(path), plan.geometry, limit, load, room)
        if path
        else _edited(before, arguments["edits"], plan.geometry.spacing)
    )
    if path and arguments.get("values") is not None:
        after = _translated(after, arguments["values"])
    _check_ids(after, {organ.id for organ in organs} | edits.ids_of(before))
    changed = edits.changes(before, after)
    save_labels(Path(arguments["out"]), LabelMap(after, plan.geometry, organs=organs))
    return {"changed": {str(label): counts for label, counts in changed.items()}}


def _uploaded(path: Path, grid: Geometry, limit: Limit, load: Callable[[str], None], room: int) -> UInt8:
    def prepare(kind: str) -> None:
        if kind not in {"nifti", "nrrd"}:
            raise Unprocessable(_FORMATS, "bad_labels")
        load(kind)

    try:
        plan = open_scan(path, prepare=prepare, modality="MR")
    except NotAScan as error:
        raise Unprocessable(_FORMATS, "bad_labels") from error
    if not plan.geometry.is_same_grid(grid):
        size = " x ".join(map(str, reversed(grid.shape)))
        raise Unprocessable(
            f"The label map is on another grid than the job's: that has {size} voxels and an affine of its own.",
            "wrong_grid",
        )
    limit(room + _COPIES_OF_UPLOAD * plan.voxel_bytes)
    data = plan.decode().data
    try:
        return to_labels(data)
    except BadScan as error:
        raise Unprocessable(error.detail, "bad_labels") from error


def _translated(labels: UInt8, values: dict[str, int]) -> UInt8:
    """Return the labels of a file with values of its own: `values` has the job's id of each of them."""
    table = np.zeros(256, dtype=np.uint8)
    known = {int(value): label for value, label in values.items()}
    unknown = sorted(edits.ids_of(labels) - set(known))
    if unknown:
        raise Unprocessable(f"The file has the value {unknown[0]}, which has no name.", "unknown_labels")
    table[list(known)] = list(known.values())
    translated: UInt8 = table[labels]
    return translated


def _edited(labels: UInt8, changes: Sequence[dict[str, Any]], spacing: Spacing) -> UInt8:
    for number, change in enumerate(changes, start=1):
        try:
            labels = _EDITS[change["kind"]](labels, change, spacing)
        except edits.BadEdit as error:
            raise Unprocessable(f"Edit {number}: {error}", "bad_edit") from error
    return labels


def _relabel(labels: UInt8, change: dict[str, Any], _: Spacing) -> UInt8:
    return edits.relabel(labels, _point(change["at"]), change["label"], in_slice=change["in_slice"])


def _fill(labels: UInt8, change: dict[str, Any], _: Spacing) -> UInt8:
    return edits.fill(labels, change["label"], in_slices=change["in_slices"], planes=_planes(change))


def _erase(labels: UInt8, change: dict[str, Any], _: Spacing) -> UInt8:
    return edits.erase(labels, change["label"], change["slices"] and tuple(change["slices"]))


def _paint(labels: UInt8, change: dict[str, Any], _: Spacing) -> UInt8:
    return edits.paint(labels, change["runs"], change["label"])


def _smooth(labels: UInt8, change: dict[str, Any], spacing: Spacing) -> UInt8:
    return outline_edits.smooth(labels, change["label"], change["mm"], spacing, _planes(change))


def _islands(labels: UInt8, change: dict[str, Any], spacing: Spacing) -> UInt8:
    return outline_edits.remove_islands(labels, change["label"], change["below_ml"], spacing)


def _interpolate(labels: UInt8, change: dict[str, Any], spacing: Spacing) -> UInt8:
    at = [_point(point) for point in change["at"]]
    return outline_edits.interpolate(labels, change["label"], at, spacing, _AXES[change["axis"]])


_AXES = {"slice": 0, "row": 1, "column": 2}
_EDITS = {
    "relabel": _relabel, "fill": _fill, "erase": _erase, "paint": _paint,
    "smooth": _smooth, "islands": _islands, "interpolate": _interpolate,
}  # fmt: skip


def _point(at: Sequence[int]) -> edits.Point:
    """Return the index (slice, row, column) of a voxel of the file, (column, row, slice)."""
    column, row, slice_ = at
    return slice_, row, column


def _planes(change: dict[str, Any]) -> edits.Planes | None:
    if change.get("slices") is None:
        return None
    first, last = change["slices"]
    return edits.Planes(first, last, _AXES[change["axis"]])


def _check_ids(labels: UInt8, known: set[int]) -> None:
    unknown = sorted(edits.ids_of(labels) - known)
    if unknown:
        ids = ", ".join(map(str, unknown[:5]))
        raise Unprocessable(f"The job's label set has no {ids}; its report names the labels.", "unknown_labels")
