"""A simulated reader who corrects label maps: which part is wrong most, and what its correction is worth.

The reader sees the true outlines. An action is one click: a connected part gets the label of the organ that it shows,
or none, as `shared.imaging.edits.relabel` does for the browser. Where a whole part has no wrong label, the reader
continues with its parts in single slices. Where a part ends is not corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shared.arrays import Float64, UInt8
from shared.imaging.edits import Point, relabel
from shared.imaging.volume import ORGANS
from training.dataset.cases import IGNORE
from training.evaluate import MEAN, CaseResult, Interval, compare, summary

ACTIONS = (0, 1, 2, 5, 10)
_CLASSES = 1 + max(organ.id for organ in ORGANS)


ORGAN_SHARE = 0.1
"""A part of which less than this shows an organ is no organ."""


@dataclass(frozen=True, slots=True)
class Action:
    """Give the connected part at the voxel `at` (slice, row, column) a label; it has so many `voxels`.

    With `in_slice` that is its part in that slice alone.
    """

    at: Point
    label: int
    voxels: int
    in_slice: bool = False


def next_action(predicted: UInt8, reference: UInt8) -> Action | None:
    """The correction of the largest part that has a wrong label, None where there is none.

    Both are uint8 (slice, row, column) with the classes of the networks; where `reference` is IGNORE nothing counts.
    """
    whole = _largest(predicted, reference, in_slice=False)
    if whole is not None:
        return whole
    return _largest(predicted, reference, in_slice=True)


def neighbours(*, in_slice: bool) -> Float64:
    """The voxels (3, 3, 3) that hang together with the one in the middle, as `scipy.ndimage.label` takes them."""
    connected = np.ones((3, 3, 3))
    connected[[0, 2]] = not in_slice
    return connected


def _largest(predicted: UInt8, reference: UInt8, *, in_slice: bool) -> Action | None:
    best: Action | None = None
    for organ in ORGANS:
        parts, count = ndimage.label(predicted == organ.id, neighbours(in_slice=in_slice))
        if not count:
            continue
        votes = _votes(parts, count, reference)
        sizes, organs = votes.sum(axis=1), votes[:, 1:]
        shown = np.where(organs.sum(axis=1) >= ORGAN_SHARE * sizes, organs.argmax(axis=1) + 1, 0)
        wrong = np.where(shown != organ.id, sizes, 0)
        part = int(wrong.argmax())
        if wrong[part] > (best.voxels if best else 0):
            z, y, x = (int(n) for n in np.argwhere(parts == part + 1)[0])
            best = Action((z, y, x), int(shown[part]), int(wrong[part]), in_slice)
    return best


def _votes(parts: NDArray[np.signedinteger[Any]], count: int, reference: UInt8) -> NDArray[np.int64]:
    """How many known voxels of each part have each class, (part, class)."""
    known = reference != IGNORE
    pairs = parts[known].astype(np.int64) * _CLASSES + reference[known]
    return np.bincount(pairs, minlength=(count + 1) * _CLASSES).reshape(-1, _CLASSES)[1:]


def corrected(predicted: UInt8, reference: UInt8, most: int) -> Iterator[UInt8]:
    """The label map after 0, 1, 2 ... `most` actions; it stays the same once nothing is left to do."""
    yield predicted
    for _ in range(most):
        action = next_action(predicted, reference)
        if action is not None:
            predicted = relabel(predicted, action.at, action.label, in_slice=action.in_slice)
        yield predicted


def read(results: Sequence[CaseResult], actions: Sequence[int] = ACTIONS) -> dict[int, list[CaseResult]]:
    """The results after each number of actions; on unrelated slices that many on each of them."""
    after: dict[int, list[CaseResult]] = {count: [] for count in actions}
    for result in results:
        maps = _of_slices(result, max(actions)) if result.case.kind == "slices" else _of_volume(result, max(actions))
        for count in actions:
            after[count].append(_with(result, maps[count]))
    return after


def _of_volume(result: CaseResult, most: int) -> list[UInt8]:
    return list(corrected(result.predicted, result.case.labels, most))


def _of_slices(result: CaseResult, most: int) -> list[UInt8]:
    pairs = zip(result.predicted[:, None], result.case.labels[:, None], strict=True)
    each = [list(corrected(predicted, reference, most)) for predicted, reference in pairs]
    return [np.concatenate(maps) for maps in zip(*each, strict=True)]


def _with(result: CaseResult, predicted: UInt8) -> CaseResult:
    changed = replace(result, predicted=predicted, figures={})
    changed.figures.update({organ.name: compare(changed, organ.id) for organ in ORGANS})
    return changed


def table(after: dict[int, list[CaseResult]]) -> str:
    """The Dice of each organ and their mean, with 95 % intervals over patients, by the number of actions."""
    names = [*(organ.name for organ in ORGANS), MEAN]
    lines = [f"| actions | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for count, results in after.items():
        rows = summary(results)
        lines.append(f"| {count} | {' | '.join(_text(rows[name]['dice']) for name in names)} |")
    return "\n".join(lines)


def _text(interval: Interval) -> str:
    value, low, high = interval
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
