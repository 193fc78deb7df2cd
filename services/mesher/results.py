"""What meshing gives back: a surface per organ with its facts, checks and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.mesher.surface import Mesh
from shared.imaging.volume import organ

Quality = Literal["light", "standard", "fine"]
Box = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Checks:
    """What every mesh is held to before it leaves."""

    watertight: bool
    manifold: bool
    outward: bool
    no_degenerate_faces: bool
    volume_kept: bool
    finite_normals: bool

    @property
    def passed(self) -> bool:
        """Whether all of them hold."""
        return all(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, eq=False)
class MeshedOrgan:
    """One label's surface and its facts: volumes in mL, area in cm2, `box` in patient LPS mm.

    `mesh` is None where no voxel was left. `components` counts the voxels' components (26-connected) before anything
    was dropped. `method` is "field", or the name of the safer way taken when a check failed.
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
    def name(self) -> str:
        """The organ's name, or label_N for an id the project does not name."""
        known = organ(self.label)
        return known.name if known else f"label_{self.label}"


@dataclass(frozen=True, slots=True, eq=False)
class MeshedOrgans:
    """All labels of one label map, by id; named organs without a voxel are listed too, without a mesh."""

    organs: tuple[MeshedOrgan, ...]
    quality: Quality
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def meshes(self) -> tuple[Mesh, ...]:
        """The surfaces there are."""
        return tuple(organ.mesh for organ in self.organs if organ.mesh is not None)
