"""A body computed by formula: stomach, small and large bowel with their parts, and the organs around them.

No patient data is in here. It is the body of the page's lessons; `anatomy.py` has its centre lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.arrays import Float32, UInt8
from shared.imaging.body import anatomy
from shared.imaging.body.fields import Field, joined, tube_field
from shared.imaging.body.landmarks import landmark_fields
from shared.imaging.body.loops import bowel_loops
from shared.imaging.body.parts import LANDMARKS
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LARGE_BOWEL, ORGANS, SMALL_BOWEL, STOMACH, LabelMap

_GAP = 1.5
"""Millimetres of fat between a landmark and what lies in front of it in the order of the labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """`labels` are the three organs, `parts` (slice, row, column) the ids of `PARTS` in them and a little around.

    `everything` has the three organs and the landmarks.
    """

    labels: LabelMap
    parts: UInt8
    everything: LabelMap


def grid_of(spacing: float) -> Geometry:
    """Return the axial grid around the whole body for cubic voxels of `spacing` mm, slice numbers towards the feet."""
    low, high = np.array([-140.0, -104.0, -190.0]), np.array([142.0, 122.0, 152.0])
    columns, rows, slices = (int(n) for n in np.ceil((high - low) / spacing))
    affine = np.diag([spacing, spacing, -spacing, 1.0])
    affine[:3, 3] = [low[0], low[1], high[2]]
    return Geometry((slices, rows, columns), affine)


def body(grid: Geometry) -> Body:
    """Return the body on an axial grid along the patient's axes (LPS mm)."""
    fields = {STOMACH.id: _stomach(grid), SMALL_BOWEL.id: _small_bowel(grid), LARGE_BOWEL.id: _large_bowel(grid)}
    nearest = np.min([field.distance for field in fields.values()], axis=0)
    labels, parts = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    for label, field in fields.items():
        is_nearest = (field.distance <= nearest) & (field.part > 0)
        parts[is_nearest] = field.part[is_nearest]
        labels[is_nearest & (field.distance < 0.0)] = label
    everything = _with_landmarks(grid, labels, nearest)
    return Body(LabelMap(labels, grid), parts, LabelMap(everything, grid, organs=(*ORGANS, *LANDMARKS)))


def _with_landmarks(grid: Geometry, labels: UInt8, nearest: Float32) -> UInt8:
    """The labels with landmarks around them; each makes room for what was there before, as soft organs do."""
    everything, taken = labels.copy(), nearest
    fields = landmark_fields(grid)
    for number in (6, 2, 3, 4, 5, 1, 0):  # spine first; spleen and liver take the room that the others leave
        distance = np.maximum(fields[number], _GAP - taken)
        everything[distance < 0.0] = LANDMARKS[number].id
        taken = np.minimum(taken, distance)
    return everything


def _stomach(grid: Geometry) -> Field:
    return tube_field(anatomy.stomach(), grid)


def _small_bowel(grid: Geometry) -> Field:
    return joined(tube_field(anatomy.duodenum(), grid), tube_field(bowel_loops(), grid), 3.0)


def _large_bowel(grid: Geometry) -> Field:
    return joined(tube_field(anatomy.colon(), grid), tube_field(anatomy.appendix(), grid), 5.0)
