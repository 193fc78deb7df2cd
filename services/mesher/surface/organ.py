"""The voxels of one organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mesher.surface.runs import Layout, Runs
from shared.arrays import Int32


@dataclass(frozen=True, slots=True, eq=False)
class OrganVoxels:
    """The voxels of one label after small components were dropped.

    `component` (runs,) is the component of each run. `components` counts the components before any was dropped,
    `dropped` those that were dropped, and `dropped_voxels` their voxels.
    """

    label: int
    runs: Runs
    layout: Layout
    component: Int32
    components: int
    dropped: int
    dropped_voxels: int

    @classmethod
    def of(cls, label: int, runs: Runs, layout: Layout, least: int) -> OrganVoxels:
        """The voxels of a label without its 26-connected components of fewer than `least` voxels."""
        components, component = runs.components()
        sizes = np.bincount(component, runs.lengths, components)
        small = sizes < least
        keep = ~small[component]
        return cls(
            label=label,
            runs=runs[keep] if small.any() else runs,
            layout=layout,
            component=component[keep] if small.any() else component,
            components=components,
            dropped=int(small.sum()),
            dropped_voxels=int(sizes[small].sum()),
        )

    @property
    def volume(self) -> float:
        """Volume of the voxels in mm3."""
        return self.runs.voxels * self.layout.voxel_mm3

    @property
    def dropped_ml(self) -> float:
        """Volume of the dropped components in mL."""
        return self.dropped_voxels * self.layout.voxel_mm3 / 1000.0

    @property
    def touches_border(self) -> bool:
        """Whether a voxel is on the border of the label map."""
        low, high = self.runs.bounds()
        return bool((low == 0).any() or (high == np.array(self.layout.data.shape[::-1])).any())
