"""Samples the fields of all labels on one lattice that fits the triangle budget, and extracts their raw surfaces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.mesher.surface.field import LEVELS, Field, Lattice, blur_scale, build_field
from services.mesher.surface.interpolation import interpolate_slices, thick_axis
from services.mesher.surface.marching_cubes import extract
from services.mesher.surface.parallel import Map
from services.mesher.surface.runs import Layout, Runs, encode_runs
from shared.arrays import Float64, Int32

_MOST_CELLS = 24_000_000
"""Lattice points of the largest label's box, which bounds the memory."""
_TRIALS = 4
_TRIANGLES_PER_SQUARE = 2.9
"""Marching cubes makes three triangles per square of a step's side, averaged over directions; the blur removes some."""
_FILL = 0.985
"""Part of the budget that the first step aims at, so that small errors of the estimate do not exceed it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The triangles that all organs may have together, and the finest lattice step in voxels (geometric mean).

    A coarser lattice is tried where the number of triangles exceeds `triangles` times `slack`.
    """

    triangles: int
    finest: float
    slack: float = 1.0

    @property
    def most(self) -> float:
        """The number of triangles beyond which the budget is exceeded."""
        return self.triangles * self.slack


@dataclass(frozen=True, slots=True, eq=False)
class SamplingSource:
    """The runs from which fields are built, by label: those of the label map, or of its interpolated thin slices.

    `layout` is the grid of the runs. `parts` (3,) is the number of thin voxels per voxel of the label map,
    (fast, middle, slow).
    """

    layout: Layout
    runs: Mapping[int, Runs]
    parts: Int32

    @classmethod
    def of(cls, layout: Layout, runs: Mapping[int, Runs]) -> SamplingSource:
        """Interpolate the slices where they are thick; `runs` are the labels of the label map that remain."""
        thick = thick_axis(layout) if runs else None
        if thick is None:
            return cls(layout, runs, np.ones(3, dtype=np.int32))
        axis, number = thick
        data = np.zeros_like(layout.data)
        for label, remaining in runs.items():
            remaining.paint_into(data, label)
        thin = interpolate_slices(replace(layout, data=data), axis, number, sorted(runs))
        parts = np.ones(3, dtype=np.int32)
        parts[2 - axis] = number
        return cls(thin, encode_runs(thin.data), parts)

    def from_label_map(self, voxels: Float64) -> Float64:
        """Indices (n, 3) on this grid of voxel indices (n, 3) of the label map."""
        return np.asarray(voxels * self.parts + (self.parts - 1) / 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class RawSurface:
    """The field of a label and the surface extracted from it, before smoothing.

    `vertices` (n, 3) are voxel indices (fast, middle, slow) on the grid of the source, `faces` is (m, 3). There is no
    face where the lattice is too coarse for the label.
    """

    field: Field
    vertices: Float64
    faces: Int32

    @classmethod
    def of(cls, field: Field) -> RawSurface:
        """Extract the surface of a field."""
        vertices, faces = extract(field.levels, LEVELS // 2, field.distance)
        return cls(field, field.to_voxels(vertices), faces)


def largest_first(runs: Mapping[int, Runs]) -> list[int]:
    """The labels by falling number of runs, so that threads finish at about the same time."""
    return sorted(runs, key=lambda label: -len(runs[label]))


def sample(source: SamplingSource, budget: Budget, map_: Map) -> dict[int, RawSurface]:
    """The raw surfaces of all labels on one lattice, as fine as the budget allows.

    After four steps that exceed the budget, the last one is used. A label that vanished in the interpolation is absent.
    """
    surfaces: dict[int, RawSurface] = {}
    if not source.runs:
        return surfaces
    labels, spacing = largest_first(source.runs), source.layout.spacing
    widths = map_(lambda label: blur_scale(source.runs[label], spacing), labels)
    scales = dict(zip(labels, widths, strict=True))
    step = _first_step(source, budget)
    for _ in range(_TRIALS):
        surfaces = _sample_at(source, step, scales, map_)
        total = sum(len(surface.faces) for surface in surfaces.values())
        if total <= budget.most:
            break
        step *= 1.01 * float(np.sqrt(total / budget.triangles))
    return surfaces


def _sample_at(source: SamplingSource, step: float, scales: Mapping[int, float], map_: Map) -> dict[int, RawSurface]:
    """The raw surfaces at a lattice step in mm; `scales` are the blur scales of the labels."""
    spacing = source.layout.spacing

    def field(label: int) -> Field:
        return build_field(source.runs[label], Lattice.of(spacing, step, scales[label]))

    fields = dict(zip(scales, map_(field, scales), strict=True))
    for label, other in itertools.permutations(sorted(fields), 2):
        if scales[label] > 1.0:
            fields[label].resolve_overlap(fields[other])
    return dict(zip(scales, map_(lambda label: RawSurface.of(fields[label]), scales), strict=True))


def _first_step(source: SamplingSource, budget: Budget) -> float:
    """The lattice step in mm at which the surfaces are expected to fill the budget.

    The two ends of a run show the area of the surface across the fast axis, which is half of the whole area, averaged
    over directions.
    """
    spacing = source.layout.spacing
    area = 4.0 * sum(len(runs) for runs in source.runs.values()) * float(spacing[1] * spacing[2])
    fitting = np.sqrt(_TRIANGLES_PER_SQUARE * area / (_FILL * budget.triangles))
    boxes = (runs.bounds() for runs in source.runs.values())
    size = max(float(np.prod((high - low) * spacing)) for low, high in boxes)
    return float(max(fitting, budget.finest * np.cbrt(spacing.prod()), np.cbrt(size / _MOST_CELLS)))
