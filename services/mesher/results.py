"""The result of meshing: a surface per organ with its facts, checks and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.mesher.surface.checks import Checks
from services.mesher.surface.ends import OpenEnds
from services.mesher.surface.mesh import Mesh
from shared.imaging.volume import Organ

Quality = Literal["light", "standard", "fine"]
Box = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class MeshedOrgan:
    """The surface of one label and its facts: volumes in mL, area in cm2, `box` in patient LPS mm.

    `mesh` is None where no voxel remains. `components` counts the 26-connected components of the voxels before any was
    dropped. `method` is "field" for the smooth surface, "voxels" for the plain surface, "none" without a surface.
    """

    definition: Organ
    mesh: Mesh | None
    checks: Checks | None
    method: str
    voxels: int
    volume_voxels_ml: float
    volume_mesh_ml: float
    surface_cm2: float
    box: Box | None
    components: int
    dropped_components: int
    dropped_ml: float
    ends: OpenEnds
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> int:
        """The id in the label map."""
        return self.definition.id

    @property
    def name(self) -> str:
        """The organ's name, or label_N for an id whose name is not known."""
        return self.definition.name

    @property
    def touches_border(self) -> bool:
        """Whether a voxel is on the border of the label map."""
        return self.ends.border > 0.0

    @property
    def part_seen(self) -> bool:
        """Whether the outlines probably show a part of the organ: they end flat, or at the scan's border."""
        return self.touches_border or self.ends.cut > 0.0

    @property
    def colour(self) -> tuple[int, int, int]:
        """The organ's sRGB colour (0 to 255)."""
        return self.definition.colour


@dataclass(frozen=True, slots=True, eq=False)
class MeshedOrgans:
    """All labels of one label map, by id; named organs without a voxel are listed too, without a mesh."""

    organs: tuple[MeshedOrgan, ...]
    quality: Quality
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def meshes(self) -> tuple[Mesh, ...]:
        """The surfaces of all organs that have one."""
        return tuple(organ.mesh for organ in self.organs if organ.mesh is not None)
