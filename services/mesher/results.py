"""The result of meshing: a surface per organ with its facts, checks and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.mesher.surface.checks import Checks
from services.mesher.surface.mesh import Mesh
from shared.imaging.volume import Organ, organ

Quality = Literal["light", "standard", "fine"]
Box = tuple[tuple[float, float, float], tuple[float, float, float]]
_GREY = (160, 160, 160)
"""The colour of labels that the project does not name."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshedOrgan:
    """The surface of one label and its facts: volumes in mL, area in cm2, `box` in patient LPS mm.

    `mesh` is None where no voxel remains. `components` counts the 26-connected components of the voxels before any was
    dropped. `method` is "field" for the smooth surface, "voxels" for the plain surface, "none" without a surface.
    """

    label: int
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
    touches_border: bool
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def definition(self) -> Organ | None:
        """The project's definition of the label, where it has one."""
        return organ(self.label)

    @property
    def name(self) -> str:
        """The organ's name, or label_N for an id that the project does not name."""
        return self.definition.name if self.definition else f"label_{self.label}"

    @property
    def colour(self) -> tuple[int, int, int]:
        """The organ's sRGB colour (0 to 255)."""
        return self.definition.colour if self.definition else _GREY


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
