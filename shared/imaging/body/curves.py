"""Tubes along splines: the shapes from which the body by formula is made.

Points are patient LPS mm: +x to the left, +y to posterior, +z to the head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shared.arrays import Float64
from shared.imaging.geometry import Floats

STEP = 1.5
"""Millimetres between the samples of a centre line."""
Relief = Callable[[Floats, Floats], Floats]
"""Factor of a radius at an arc length (mm) and an angle (radians) around the centre line."""


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A centre line with radii: `points` (n, 3) every `STEP` mm, `radii` (n,) mm, `parts` (n,) part ids.

    `tangents` and `sides` (n, 3) are unit vectors along and across the line; angles count from `sides`. `relief`
    changes the radius along and around the line, `depth` is the radius towards front and back by that to the sides.
    """

    points: Floats
    radii: Floats
    parts: Floats
    tangents: Floats
    sides: Floats
    relief: Relief | None = None
    depth: float = 1.0

    @property
    def length(self) -> float:
        """The length of the centre line in mm."""
        return STEP * (len(self.points) - 1)


def tube(knots: Floats, cuts: tuple[tuple[float, int], ...], relief: Relief | None = None, depth: float = 1.0) -> Tube:
    """Return the tube through `knots` (n, 4): x, y, z and radius in mm.

    `cuts` are knot numbers (fractions are allowed) with the id of the part that begins there.
    """
    numbers, values = resampled(np.asarray(knots, dtype=np.float64))
    starts = np.array([start for start, _ in cuts])
    ids = np.array([part for _, part in cuts], dtype=np.float64)
    parts = ids[np.clip(np.searchsorted(starts, numbers, side="right") - 1, 0, None)]
    tangents = np.gradient(values[:, :3], axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    return Tube(values[:, :3], values[:, 3], parts, tangents, _transported(tangents), relief, depth)


def resampled(knots: Floats) -> tuple[Float64, Float64]:
    """Return knot numbers (n,) and values (n, k) of a Catmull-Rom spline every `STEP` mm of the first three values.

    Catmull and Rom (1974), with end tangents from the first and last chords.
    """
    ends = np.concatenate([[2 * knots[0] - knots[1]], knots, [2 * knots[-1] - knots[-2]]])
    dense = np.linspace(0.0, len(knots) - 1.0, 40 * (len(knots) - 1) + 1)
    at = np.minimum(dense.astype(int), len(knots) - 2)
    u = (dense - at)[:, None]
    a, b, c, d = (ends[at + offset] for offset in range(4))
    values = 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(values[:, :3], axis=0), axis=1))])
    wanted = np.arange(0.0, arc[-1], STEP)
    columns = [np.interp(wanted, arc, column) for column in values.T]
    return np.interp(wanted, arc, dense), np.stack(columns, axis=1)


def _transported(tangents: Floats) -> Floats:
    """Unit vectors (n, 3) across the line that turn as little as possible along it (parallel transport)."""
    sides = np.empty_like(tangents)
    side = np.cross(tangents[0], [0.3, 1.0, 0.2])
    for number, tangent in enumerate(tangents):
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        sides[number] = side
    return sides


def haustra(start: float, end: float, period: float = 30.0) -> Relief:
    """Return the relief of a colon between two arc lengths (mm): sacs between three taeniae, with folds between sacs.

    The sacs of the three rows are a third of a period apart, as haustra are staggered.
    """

    def relief(along: Floats, angle: Floats) -> Floats:
        row = np.floor((angle + np.pi) / (2.0 * np.pi / 3.0))
        bulge = np.abs(np.sin(np.pi * (along / period + row / 3.0))) ** 0.6
        taenia = np.abs(np.sin(1.5 * (angle + np.pi))) ** 0.5
        strength = np.clip((along - start) / 20.0, 0.0, 1.0) * np.clip((end - along) / 60.0, 0.0, 1.0)
        factor: Floats = 1.0 - strength * (0.25 - 0.33 * bulge * taenia)
        return factor

    return relief


def folds(end: float, period: float = 9.0) -> Relief:
    """Return the relief of a small bowel with circular folds that fade towards the arc length `end` (mm)."""

    def relief(along: Floats, angle: Floats) -> Floats:
        del angle
        strength = 0.09 * np.clip(1.0 - along / end, 0.0, 1.0)
        factor: Floats = 1.0 + strength * np.sin(2.0 * np.pi * along / period)
        return factor

    return relief
