"""How good a label map is, by numbers anyone can check: overlap, surface distances, the competition's score.

Masks are bool (slice, row, column); spacing is (slice, row, column) mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]


def dice(found: Mask, truth: Mask) -> float:
    """Twice the common part over the sum; 1 if both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2.0 * int((found & truth).sum()) / total if total else 1.0


def border(mask: Mask) -> Mask:
    """The voxels of a mask that have a face on its outside; the edge of the grid is outside."""
    inner = ndimage.binary_erosion(mask, ndimage.generate_binary_structure(mask.ndim, 1))
    return mask & ~inner


def surface_distances(found: Mask, truth: Mask, spacing: Spacing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances in mm from each border voxel to the other's nearest border voxel: (found to truth, truth to found)."""
    ours, theirs = border(found), border(truth)
    to_theirs = ndimage.distance_transform_edt(~theirs, sampling=spacing)
    to_ours = ndimage.distance_transform_edt(~ours, sampling=spacing)
    return np.asarray(to_theirs)[ours], np.asarray(to_ours)[theirs]


@dataclass(frozen=True, slots=True)
class Surface:
    """Distances between two surfaces in mm; not a number where one of them is empty."""

    hd95: float
    mean: float


def surface(found: Mask, truth: Mask, spacing: Spacing) -> Surface:
    """HD95 (the larger of both directions' 95th percentiles) and the mean of all distances of both directions."""
    if not found.any() or not truth.any():
        return Surface(float("nan"), float("nan"))
    there, back = surface_distances(found, truth, spacing)
    hd95 = max(float(np.percentile(there, 95)), float(np.percentile(back, 95)))
    return Surface(hd95, float(np.concatenate([there, back]).mean()))


def hausdorff_score(found: Mask, truth: Mask) -> float:
    """1 - 3-D Hausdorff distance, coordinates scaled to 0..1 by the volume's size, over the unit cube's diagonal.

    As in the competition (UW-Madison GI Tract Image Segmentation, evaluation page): the distance lies in 0 to 1;
    a class missing in one of the two counts as distance 1, in both as distance 0.
    """
    if not found.any() or not truth.any():
        return 1.0 if found.any() == truth.any() else 0.0
    scale = tuple(1.0 / max(n - 1, 1) for n in truth.shape)
    there, back = surface_distances(found, truth, (scale[0], scale[1], scale[2]))
    return 1.0 - float(max(there.max(), back.max())) / float(np.sqrt(3.0))


def slice_dice(found: Mask, truth: Mask) -> float:
    """Mean Dice over the slices on which either shows the organ; 1 if none does."""
    shown = (found | truth).any(axis=(1, 2))
    return float(np.mean([dice(f, t) for f, t in zip(found[shown], truth[shown], strict=True)])) if shown.any() else 1.0


def organ_slice_dice(found: Mask, truth: Mask) -> float:
    """Dice over all voxels of the slices that truly show the organ; not a number if none does."""
    shown = truth.any(axis=(1, 2))
    return dice(found[shown], truth[shown]) if shown.any() else float("nan")


def competition(found: Mask, truth: Mask) -> float:
    """0.4 Dice + 0.6 (1 - Hausdorff) of one organ in one volume; the Dice is averaged over slices, as there."""
    return 0.4 * slice_dice(found, truth) + 0.6 * hausdorff_score(found, truth)


def bootstrap(values: NDArray[np.float64], rounds: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean and 95 % interval of one value per patient, by drawing patients with replacement."""
    values = values[np.isfinite(values)]
    if values.size == 0:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, values.size, (rounds, values.size))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def bootstrap_columns(table: NDArray[np.float64], rounds: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean over the columns' means and its 95 % interval, of a table (patients, organs) with NaN for missing values.

    Patients are drawn with replacement, each with all of his or her organs. NaN if an organ has no value at all.
    """
    mean = float(_finite_mean(table).mean()) if table.size else float("nan")
    if not np.isfinite(mean):
        return mean, mean, mean
    rng = np.random.default_rng(seed)
    drawn = table[rng.integers(0, len(table), (rounds, len(table)))]
    means = _finite_mean(drawn).mean(axis=-1)
    low, high = np.nanpercentile(means, [2.5, 97.5])  # a draw in which an organ has no value is left out
    return mean, float(low), float(high)


def _finite_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the finite values along the last axis but one."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(finite, values, 0.0).sum(axis=-2) / finite.sum(axis=-2)
    return mean
