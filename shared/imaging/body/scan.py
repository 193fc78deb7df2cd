"""An MR-like scan of the body by formula: grey levels of tissues, contents of the gut, a coil's bias and noise."""

from __future__ import annotations

import numpy as np

from shared.arrays import Bool, Float32
from shared.imaging.body import Body, body
from shared.imaging.body.fields import axes_of, ellipsoid
from shared.imaging.body.parts import LANDMARKS
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import Phantom
from shared.imaging.volume import LARGE_BOWEL, SMALL_BOWEL, STOMACH, Volume

_AIR, _MUSCLE, _FAT = 15.0, 240.0, 620.0
_TISSUE = {"liver": 330.0, "spleen": 420.0, "pancreas": 340.0, "kidney_right": 520.0, "kidney_left": 520.0,
           "oesophagus": 260.0, "spine": 430.0}  # fmt: skip
_WALL = 280.0
_CONTENTS = {STOMACH.id: 700.0, SMALL_BOWEL.id: 540.0, LARGE_BOWEL.id: 330.0}
_NOISE, _BIAS = 14.0, 0.15
SCAN_GRID = Geometry((114, 180, 234), np.array([[1.5, 0, 0, -175], [0, 1.5, 0, -130], [0, 0, -3, 150], [0, 0, 0, 1]]))
"""The voxels of an abdominal MR: 1.5 x 1.5 x 3 mm."""


def scan(grid: Geometry, seed: int = 0) -> Phantom:
    """Return an MR-like scan (uint16) of the body with its true label map, on an axial grid (LPS mm)."""
    rng = np.random.default_rng(seed)
    shape = body(grid)
    x = axes_of(grid)[2]
    image = _tissue(grid, shape, rng) * (1.0 + _BIAS * x / 200.0).astype(np.float32)
    image += rng.normal(0.0, _NOISE, grid.shape)
    return Phantom(Volume(np.clip(image, 0, 4095).astype(np.uint16), grid, "MR", "nifti"), shape.labels)


def _tissue(grid: Geometry, shape: Body, rng: np.random.Generator) -> Float32:
    outline = ellipsoid(grid, (0.0, 4.0, -20.0), (168.0, 122.0, 420.0))
    wall = ellipsoid(grid, (2.0, 2.0, -20.0), (142.0, 98.0, 400.0))
    image = np.full(grid.shape, _AIR, np.float32)
    image[outline < 0.0] = _FAT
    image[(wall < 0.0) & (wall > -0.09 * 98.0)] = _MUSCLE
    for organ in LANDMARKS:
        image[shape.everything.data == organ.id] = _TISSUE[organ.name]
    mottle = rng.normal(0.0, 1.0, grid.shape).astype(np.float32)
    for label, level in _CONTENTS.items():
        inside = shape.labels.data == label
        lumen = _shrunk(inside)
        image[inside] = _WALL
        image[lumen] = level + (90.0 if label == LARGE_BOWEL.id else 30.0) * mottle[lumen]
    return image


def _shrunk(mask: Bool) -> Bool:
    """The voxels whose neighbours within their slice are in the mask too."""
    inner = mask.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            inner &= np.roll(mask, step, axis)
    return inner
