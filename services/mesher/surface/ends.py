"""Finds where the outlines of an organ end flat: inside the scan, or at its border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mesher.surface.runs import Layout, Runs
from shared.arrays import Float64

_SHARE = 0.25
"""An end slice with more than this share of the largest cross-section is a cut, not the rounded end of an organ.

The natural ends in 34 outlined MR scans have at most 0.2; those where the outlines stop have 0.3 to 1.
"""
_LEAST_CM2 = 1.0
_FEWEST = 5
"""Slices of an organ below which its ends say nothing."""
_MARGIN = 1.1
"""Sections are counted in voxels, so those of a small ellipsoid differ from the formula."""


@dataclass(frozen=True, slots=True)
class OpenEnds:
    """Open cross-sections of an organ in cm2: `cut` inside the scan, towards head or feet; `border` at its border."""

    cut: float
    border: float


def open_ends(runs: Runs, layout: Layout) -> OpenEnds:
    """Measure the open cross-sections of an organ that has a voxel."""
    sections = [_sections(runs, layout, axis) for axis in range(3)]
    border = sum(float(areas[0] + areas[-1]) for areas in sections)
    # The axis nearest to the patient's own: cuts of outlines are made on axial slices.
    upward = int(np.argmax(np.abs(layout.matrix[2]) / layout.spacing))
    return OpenEnds(_cut(sections[upward]), border)


def _cut(areas: Float64) -> float:
    """The area of end slices inside the scan that are too large for a rounded end."""
    present = np.flatnonzero(areas)
    share = max(_SHARE, _MARGIN * _rounded_share(int(present[-1] - present[0]) + 1))
    ends = [int(end) for end in (present[0], present[-1]) if 0 < end < len(areas) - 1]
    large = [float(areas[end]) for end in ends if areas[end] > share * areas.max() and areas[end] >= _LEAST_CM2]
    return sum(large)


def _rounded_share(count: int) -> float:
    """The largest share that an end slice of an ellipsoid has of the largest of its `count` slices.

    An ellipsoid of half height H has the section 1 - (x/H)^2 at the distance x from its middle. With n slices, H is
    more than (n - 1)/2 slices. The end slice is less than one slice from the tip, the largest at most half a slice from
    the middle.
    """
    if count < _FEWEST:
        return 1.0
    gaps = count - 1.0
    return (1.0 - (1.0 - 2.0 / gaps) ** 2) / (1.0 - (1.0 / gaps) ** 2)


def _sections(runs: Runs, layout: Layout, axis: int) -> Float64:
    """The area in cm2 of each slice along an axis of the layout (0 fast, 1 middle, 2 slow)."""
    size = layout.data.shape[2 - axis]
    if axis == 0:
        steps = np.bincount(runs.start, minlength=size + 1) - np.bincount(runs.stop, minlength=size + 1)
        counts = np.cumsum(steps)[:size]
    else:
        index = runs.row % runs.middles if axis == 1 else runs.row // runs.middles
        counts = np.bincount(index, runs.lengths, size)
    area: Float64 = counts * (layout.voxel_mm3 / layout.spacing[axis] / 100.0)
    return area
