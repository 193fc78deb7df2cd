"""The voxels and the surface of one organ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.mesher.surface.mesh import Measures, Mesh
from services.mesher.surface.runs import Layout, Runs
from shared.arrays import Int32

SMALL_VOXELS = 1000


@dataclass(frozen=True, eq=False)
class OrganVoxels:
    """The voxels of one label after small components were dropped.

    `dropped` is the number of components that were dropped, and `dropped_voxels` that of their voxels.
    """

    label: int
    runs: Runs
    layout: Layout
    dropped: int = 0
    dropped_voxels: int = 0

    @classmethod
    def of(cls, label: int, runs: Runs, layout: Layout, least: int) -> OrganVoxels:
        """The voxels of a label without its 26-connected components of fewer than `least` voxels."""
        if least <= 1:
            return cls(label, runs, layout)
        number, component = runs.components()
        sizes = np.bincount(component, runs.lengths, number)
        small = sizes < least
        if not small.any():
            return cls(label, runs, layout)
        return cls(label, runs[~small[component]], layout, int(small.sum()), int(sizes[small].sum()))

    @cached_property
    def _components(self) -> tuple[int, Int32]:
        return self.runs.components()

    @property
    def component(self) -> Int32:
        """The component (runs,) of each run, computed at first use."""
        return self._components[1]

    @property
    def components(self) -> int:
        """The number of components before any was dropped."""
        return (self._components[0] if len(self.runs) else 0) + self.dropped

    @property
    def is_small(self) -> bool:
        """Whether there are so few voxels that slow checks are quick: fewer than 1,000."""
        return self.runs.voxels < SMALL_VOXELS

    @property
    def volume(self) -> float:
        """Volume of the voxels in mm3."""
        return self.runs.voxels * self.layout.voxel_mm3

    @property
    def dropped_ml(self) -> float:
        """Volume of the dropped components in mL."""
        return self.dropped_voxels * self.layout.voxel_mm3 / 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class OrganSurface:
    """The surface of an organ, its measures and the method that made it, "field" or "voxels".

    `covers_voxels` says whether the field shows all of the organ (its voxels, as far as they were sampled); `seconds`
    is the time spent on it.
    """

    organ: OrganVoxels
    mesh: Mesh
    measures: Measures
    method: str
    covers_voxels: bool = True
    seconds: float = 0.0
