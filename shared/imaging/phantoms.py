"""Scans computed by formula: an abdomen with three organs that is not symmetric, for demos, tests and training.

No patient data is in here: bodies and organs are ellipsoids and tubes; contrast and noise come from a seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap, Volume

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phantom:
    """A scan with its true label map."""

    volume: Volume
    labels: LabelMap


def abdomen(geometry: Geometry | None = None, seed: int = 0) -> Phantom:
    """Return an MR-like abdomen (uint16) on any grid; patient LPS mm decide what each voxel shows.

    The stomach is left of the midline above the bowel and a dark block like a liver is right, so a mirrored result is
    visible.
    """
    grid = geometry or default_grid()
    rng = np.random.default_rng(seed)
    points = _patient_points(grid)
    labels = _organs(points)
    image = _tissue(points, labels)
    image = image * (1.0 + 0.15 * points[..., 0] / 200.0) + rng.normal(0.0, 12.0, labels.shape)
    data = np.clip(image, 0, 4095).astype(np.uint16)
    return Phantom(Volume(data, grid, "MR", "nifti"), LabelMap(labels, grid))


def default_grid(slices: int = 48, side: int = 160) -> Geometry:
    """Return an axial grid of 2 x 2 x 4 mm centred on the abdomen, slice numbers towards the feet."""
    affine = np.diag([2.0, 2.0, -4.0, 1.0])
    affine[:3, 3] = [-(side - 1.0), -(side - 1.0), 2.0 * (slices - 1)]
    return Geometry((slices, side, side), affine)


def _patient_points(grid: Geometry) -> Floats:
    slices, rows, columns = grid.shape
    k, j, i = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    return grid.to_patient(np.stack([i, j, k], axis=-1))


def _ellipsoid(
    points: Floats, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (((points - np.array(centre)) / np.array(radii)) ** 2).sum(axis=-1) < 1.0
    return inside


def _tube(points: Floats, path: Floats, radius: float) -> NDArray[np.bool_]:
    inside = np.zeros(points.shape[:-1], dtype=bool)
    for start, end in pairwise(path):
        along = end - start
        t = np.clip((points - start) @ along / (along @ along), 0.0, 1.0)
        inside |= ((points - start - t[..., None] * along) ** 2).sum(axis=-1) < radius**2
    return inside


def _organs(points: Floats) -> NDArray[np.uint8]:
    labels = np.zeros(points.shape[:-1], dtype=np.uint8)
    s = np.linspace(0.0, 1.0, 40)
    small = np.stack([35 * np.sin(14 * s), -30 + 12 * np.cos(9 * s), -5 - 60 * s], axis=-1)
    large = np.array([[-80, -10, -75], [-80, -10, 5], [-40, -40, 15], [40, -40, 15], [80, -5, 10], [80, 5, -75]], float)
    labels[_ellipsoid(points, (50, -30, 55), (45, 32, 24))] = 1
    labels[_tube(points, small, 13.0)] = 2
    labels[_tube(points, large, 17.0)] = 3
    return labels


def _tissue(points: Floats, labels: NDArray[np.uint8]) -> Floats:
    body = _ellipsoid(points, (0, 0, 0), (150, 110, 260))
    fat = body & ~_ellipsoid(points, (0, 0, 0), (135, 95, 250))
    liver = _ellipsoid(points, (-65, -15, 60), (60, 65, 38))
    spine = _tube(points, np.array([[0.0, 60.0, -300.0], [0.0, 60.0, 300.0]]), 18.0)
    image = np.where(body, 320.0, 15.0)
    image[fat] = 900.0
    image[liver] = 500.0
    image[spine] = 200.0
    for label, intensity in ((1, 760.0), (2, 620.0), (3, 110.0)):
        image[labels == label] = intensity
    return image
