"""Metrics of a label map: overlap, surface distances, the competition's score.

Masks are bool (slice, row, column); spacing is (slice, row, column) mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from shared.arrays import Bool, Float64

Mask = Bool
Spacing = tuple[float, float, float]


def dice(predicted: Mask, reference: Mask) -> float:
    """Dice coefficient: twice the intersection over the sum; 1 if both are empty."""
    total = int(predicted.sum()) + int(reference.sum())
    return 2.0 * int((predicted & reference).sum()) / total if total else 1.0


def border(mask: Mask) -> Mask:
    """The voxels of a mask with a face on its outside; beyond the edge of the grid is outside."""
    inner = ndimage.binary_erosion(mask, ndimage.generate_binary_structure(mask.ndim, 1))
    return mask & ~inner


def surface_distances(predicted: Mask, reference: Mask, spacing: Spacing) -> tuple[Float64, Float64]:
    """Distances in mm from each border voxel to the nearest one of the other: (of predicted, of reference)."""
    predicted_border, reference_border = border(predicted), border(reference)
    to_reference = ndimage.distance_transform_edt(~reference_border, sampling=spacing)
    to_predicted = ndimage.distance_transform_edt(~predicted_border, sampling=spacing)
    return np.asarray(to_reference)[predicted_border], np.asarray(to_predicted)[reference_border]


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Distances between two surfaces in mm; NaN where one of them is empty."""

    hd95: float
    mean: float


def distance_summary(predicted: Mask, reference: Mask, spacing: Spacing) -> SurfaceDistances:
    """HD95 (the larger of both directions' 95th percentiles) and the mean of all distances of both directions."""
    if not predicted.any() or not reference.any():
        return SurfaceDistances(float("nan"), float("nan"))
    forward, back = surface_distances(predicted, reference, spacing)
    hd95 = max(float(np.percentile(forward, 95)), float(np.percentile(back, 95)))
    return SurfaceDistances(hd95, float(np.concatenate([forward, back]).mean()))


def hausdorff_score(predicted: Mask, reference: Mask) -> float:
    """1 - Hausdorff distance in 3-D, in units of the diagonal, with coordinates scaled to 0..1 by the volume's size.

    As on the evaluation page of the competition (UW-Madison GI Tract Image Segmentation): the distance is 0 to 1; an
    organ that is missing in one of the two counts as distance 1, in both as distance 0.
    """
    if not predicted.any() or not reference.any():
        return 1.0 if predicted.any() == reference.any() else 0.0
    scale = tuple(1.0 / max(n - 1, 1) for n in reference.shape)
    forward, back = surface_distances(predicted, reference, (scale[0], scale[1], scale[2]))
    return 1.0 - float(max(forward.max(), back.max())) / float(np.sqrt(3.0))


def slice_dice(predicted: Mask, reference: Mask) -> float:
    """Mean Dice over the slices on which either shows the organ; 1 if none does."""
    shown = (predicted | reference).any(axis=(1, 2))
    each = [dice(*masks) for masks in zip(predicted[shown], reference[shown], strict=True)]
    return float(np.mean(each)) if each else 1.0


def organ_slice_dice(predicted: Mask, reference: Mask) -> float:
    """Dice over all voxels of the slices on which the reference shows the organ; NaN if none does."""
    shown = reference.any(axis=(1, 2))
    return dice(predicted[shown], reference[shown]) if shown.any() else float("nan")


def competition(predicted: Mask, reference: Mask) -> float:
    """The competition's score of one organ in one volume: 0.4 `slice_dice` + 0.6 `hausdorff_score`."""
    return 0.4 * slice_dice(predicted, reference) + 0.6 * hausdorff_score(predicted, reference)


def bootstrap(values: Float64, rounds: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval of one value per patient; NaN values are left out."""
    values = values[np.isfinite(values)]
    if values.size == 0:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, values.size, (rounds, values.size))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def bootstrap_columns(table: Float64, rounds: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean over the columns' means and its 95 % interval, of a table (patients, organs) with NaN for missing values.

    Patients are drawn with replacement, each with all organs. NaN if an organ has no value at all.
    """
    mean = float(_finite_mean(table).mean()) if table.size else float("nan")
    if not np.isfinite(mean):
        return mean, mean, mean
    rng = np.random.default_rng(seed)
    drawn = table[rng.integers(0, len(table), (rounds, len(table)))]
    means = _finite_mean(drawn).mean(axis=-1)
    low, high = np.nanpercentile(means, [2.5, 97.5])  # a draw in which an organ has no value is left out
    return mean, float(low), float(high)


def _finite_mean(values: Float64) -> Float64:
    """Mean of the finite values along the last axis but one."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Float64 = np.where(finite, values, 0.0).sum(axis=-2) / finite.sum(axis=-2)
    return mean
