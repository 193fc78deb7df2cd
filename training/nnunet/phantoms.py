"""Computed scans with outlines on which small nnU-Nets are trained and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from shared.arrays import Float32, Float64, UInt8

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Phantom:
    """How scans of one kind look: values of outside, body and labels per channel, noise, ellipsoids.

    `spacing` is (slice, row, column) mm. `places` are the centres of the ellipsoids as fractions of (slice, row,
    column), one per label; `radii` are fractions too. With `is_nested` an ellipsoid overwrites the one before it.
    """

    spacing: Spacing
    shape: Shape
    outside: float
    values: tuple[tuple[float, ...], ...]
    places: tuple[tuple[float, float, float], ...]
    radii: tuple[float, ...]
    noise: float
    is_nested: bool = False


def draw(phantom: Phantom, seed: int) -> tuple[list[Float32], UInt8]:
    """Return the channels and the label map of one scan, all (slice, row, column) with odd and even sizes."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(size + rng.integers(-3, 4)) for size in phantom.shape)
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij"))
    body = _ellipsoid(grid, np.array([0.5, 0.5, 0.5]), np.array([0.62, 0.40, 0.42]))
    labels = np.zeros(shape, dtype=np.uint8)
    shift = rng.uniform(-0.05, 0.05, 3)
    for label, (place, radius) in enumerate(zip(phantom.places, phantom.radii, strict=True), start=1):
        jitter = shift if phantom.is_nested else rng.uniform(-0.05, 0.05, 3)
        inside = _ellipsoid(grid, np.array(place) + jitter, radius * rng.uniform(0.85, 1.2, 3))
        labels[inside & body] = label
    channels = []
    for values in phantom.values:
        image = np.asarray(values, dtype=np.float64)[labels]
        image += phantom.noise * ndimage.gaussian_filter(rng.standard_normal(shape), 0.7) * 2.5
        image[~body] = phantom.outside
        channels.append((np.rint(image / 4.0) * 4.0).astype(np.float32))
    return channels, labels


def _ellipsoid(grid: Float64, centre: Float64, radii: Float64) -> np.ndarray:
    return np.asarray((((grid.T - centre) / radii) ** 2).sum(axis=-1).T <= 1.0)


def turned_affine(spacing: Spacing, seed: int) -> Float64:
    """Return an oblique affine (column, row, slice) to RAS mm; some axes are flipped."""
    rng = np.random.default_rng(seed)
    quaternion = np.concatenate([[1.0], rng.uniform(-0.2, 0.2, 3)])
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(spacing[::-1]) * rng.choice([-1.0, 1.0], 3)
    affine[:3, 3] = rng.uniform(-100.0, 100.0, 3)
    return affine


def save(path: Path, data: np.ndarray, affine: Float64) -> None:
    """Write an array (slice, row, column) as NIfTI with whole numbers."""
    dtype = np.uint8 if data.dtype == np.uint8 else np.int16
    nib.save(nib.Nifti1Image(data.T.astype(dtype), affine), path)
