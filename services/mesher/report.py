"""report.json: what was measured of each organ, how it was made and what to mind."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from services.mesher.provenance import NOTICE, Provenance
from services.mesher.results import Box, MeshedOrgan, MeshedOrgans
from shared.imaging.volume import organ

WORDS: Mapping[str, str] = {
    "absent": "No voxel of this organ was found.",
    "touches_border": "The organ reaches the edge of the scan, so part may be missing; its surface was closed there.",
    "tiny": "The organ is smaller than 1 mL: its shape and volume are uncertain.",
    "many_components": "The organ is in more than 50 separate pieces: the outlines may be noisy.",
    "components_dropped": "Pieces smaller than the asked minimum were left out.",
    "fallback": "The smooth surface failed a check, so a plainer one, closer to the voxels, was made.",
    "triangle_budget": "The organs are too ragged for the triangle budget of this quality; it was exceeded.",
    "no_organs": "No organ was found in this scan.",
    "out_of_domain": "The models were not trained on this kind of scan: treat the outlines with care.",
    "lossy_source": "The scan was compressed with loss before it came here.",
    "assumed_orientation": "The scan does not say how it lies in the patient: the usual orientation was assumed.",
    "assumed_spacing": "The scan does not give all distances between voxels: usual ones were assumed.",
}
"""Warning codes, which are stable, in words, which may change."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class WarningReport(_Model):
    """A stable code and its sentence."""

    code: str
    detail: str


class CheckReport(_Model):
    """The guarantees and whether this mesh keeps them."""

    watertight: bool
    manifold: bool
    outward: bool
    no_degenerate_faces: bool
    volume_kept: bool
    finite_normals: bool


class OrganReport(_Model):
    """One organ: volumes in mL, area in cm2, the bounding box in patient LPS mm, seconds."""

    label: int
    name: str
    title: str
    snomed_ct: str | None
    present: bool
    voxels: int
    volume_ml: float
    volume_voxels_ml: float
    volume_mesh_ml: float
    surface_cm2: float
    bounding_box_lps_mm: Box | None
    components: int
    dropped_components: int
    dropped_ml: float
    triangles: int
    vertices: int
    watertight: bool
    touches_border: bool
    checks: CheckReport | None
    method: str
    seconds: float
    warnings: list[WarningReport]


class ModelReport(_Model):
    """A model that took part; its version, and the execution provider and device it ran on, where known."""

    name: str
    sha256: str
    version: str | None = None
    provider: str | None = None
    device: str | None = None


class Report(_Model):
    """The whole report; `seconds` is the time spent meshing, `stage_seconds` that of the stages before it."""

    notice: str
    software: str
    models: list[ModelReport]
    source: str | None
    modality: str | None
    quality: str
    units: dict[str, str]
    organs: list[OrganReport]
    triangles: int
    seconds: float
    stage_seconds: dict[str, float]
    warnings: list[WarningReport]


def build_report(meshed: MeshedOrgans, provenance: Provenance) -> Report:
    """The report of a meshing and of what came before it."""
    organs = [_organ_report(made) for made in meshed.organs]
    codes = [*provenance.warnings, *meshed.warnings]
    if not any(made.present for made in organs):
        codes.append("no_organs")
    return Report(
        notice=NOTICE,
        software=provenance.software,
        models=[_model_report(name, digest, provenance) for name, digest in provenance.models],
        source=provenance.source,
        modality=provenance.modality,
        quality=meshed.quality,
        units={"volume": "mL", "area": "cm2", "length": "mm", "time": "s"},
        organs=organs,
        triangles=sum(made.triangles for made in organs),
        seconds=round(meshed.seconds, 4),
        stage_seconds={stage: round(seconds, 4) for stage, seconds in provenance.stage_seconds.items()},
        warnings=_warnings(codes),
    )


def _model_report(name: str, digest: str, provenance: Provenance) -> ModelReport:
    fact = provenance.facts.get(digest)
    if fact is None:
        return ModelReport(name=name, sha256=digest)
    place = {"provider": fact.provider, "device": fact.device or None}
    return ModelReport(name=name, version=fact.version, sha256=digest, **place)


def _organ_report(made: MeshedOrgan) -> OrganReport:
    known = organ(made.label)
    checks = made.checks
    return OrganReport(
        label=made.label,
        name=made.name,
        title=known.title if known else f"Label {made.label}",
        snomed_ct=known.snomed if known else None,
        present=made.mesh is not None,
        voxels=made.voxels,
        volume_ml=round(made.volume_voxels_ml, 3),
        volume_voxels_ml=round(made.volume_voxels_ml, 3),
        volume_mesh_ml=round(made.volume_mesh_ml, 3),
        surface_cm2=round(made.surface_cm2, 3),
        bounding_box_lps_mm=made.box,
        components=made.components,
        dropped_components=made.dropped_components,
        dropped_ml=round(made.dropped_ml, 3),
        triangles=len(made.mesh.faces) if made.mesh else 0,
        vertices=len(made.mesh.vertices) if made.mesh else 0,
        watertight=bool(checks and checks.watertight),
        touches_border=made.touches_border,
        checks=CheckReport(**{name: getattr(checks, name) for name in checks.__slots__}) if checks else None,
        method=made.method,
        seconds=round(made.seconds, 4),
        warnings=_warnings(made.warnings),
    )


def _warnings(codes: list[str] | tuple[str, ...]) -> list[WarningReport]:
    return [WarningReport(code=code, detail=WORDS.get(code, code.replace("_", " "))) for code in dict.fromkeys(codes)]
