"""report.json: measurements, checks, provenance and warnings of every organ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.mesher.provenance import NOTICE, Edit, Provenance
from services.mesher.results import Box, MeshedOrgan, MeshedOrgans
from services.mesher.surface.checks import Checks
from shared.imaging.confidence import Confidence

SENTENCES: Mapping[str, str] = {
    "absent": "No voxel of this organ was found.",
    "touches_border": "The organ reaches the edge of the scan, so part may be missing; its surface was closed there.",
    "cut_in_scan": "The outlines end flat inside the scan: the organ probably goes on. The volume is of the part seen.",
    "tiny": "The organ is smaller than 1 mL: its shape and volume are uncertain.",
    "many_components": "The organ is in more than 50 separate pieces: the outlines may be noisy.",
    "components_dropped": "Pieces smaller than the requested minimum were left out.",
    "fallback": "The smooth surface failed a check, so the plain surface of the voxels is used.",
    "triangle_budget": "The organs are too ragged for the triangle budget of this quality; it was exceeded.",
    "no_organs": "No organ was found in this scan.",
    "out_of_domain": "The models were not trained on this kind of scan: treat the outlines with care.",
    "lossy_source": "The scan was compressed with loss before it was uploaded.",
    "orientation_unknown": "The file does not say where the patient's left is: left and right may be exchanged.",
    "spacing_conflict": "The file has two different voxel sizes; those of its orientation matrix were used.",
    "scaling_unclear": "The file scales its values without a valid intercept; 0 was used.",
    "modality_guessed": "The file does not say MR or CT, so its values decided. The option modality says it.",
    "not_hounsfield": "Nothing says that the values of this CT are Hounsfield units.",
    "own_frames_of_reference": "Each slice has a frame of reference of its own: they were stacked by their positions.",
    "objects_skipped": "Other objects were beside the images (segmentations, doses, captures, localisers): left out.",
    "files_skipped": "Images beside the scans/ folder were left out.",
}
"""The sentence of each warning code. Codes are stable, sentences may change."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class WarningReport(_Model):
    """A stable code and its sentence."""

    code: str
    detail: str


class OrganReport(_Model):
    """One organ: its sRGB colour (0 to 255), volumes in mL, areas in cm2, the bounding box in patient LPS mm, seconds.

    `border_cm2` is its area at the border of the scan, `cut_cm2` the open cross-section where its outlines end flat
    inside the scan. `part_seen` says that the volume is probably that of a part. `confidence` is the mean over the
    organ's slices, null if it is unknown; see `ConfidenceReport`.
    """

    label: int
    name: str
    title: str
    snomed_ct: str | None
    colour: tuple[int, int, int]
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
    border_cm2: float
    cut_cm2: float
    part_seen: bool
    confidence: float | None
    low_confidence_slices: list[int]
    checks: Checks | None
    method: str
    seconds: float
    warnings: list[WarningReport]


class ModelReport(_Model):
    """A model that was used; its version, and the execution provider and device it ran on, where known."""

    name: str
    sha256: str
    version: str | None = None
    provider: str | None = None
    device: str | None = None


class ChangeReport(_Model):
    """The voxels that one organ gained and lost by an edit."""

    label: int
    name: str
    added: int
    removed: int


class EditReport(_Model):
    """What a person did to the outlines of revision `base`.

    `edited_by` is the person's key or subject, as in the audit trail; `kinds` are those of the edits.
    """

    base: int
    edited_by: str
    edited_at: datetime
    kinds: list[str]
    voxels_changed: list[ChangeReport]


class ConfidenceReport(_Model):
    """How sure the model is of its outlines: the Dice (0 to 1) to expect on each slice, of all organs together.

    Slices lie along `axis` of labels.nii.gz (0 to 2) and are counted from 0; null where nothing was outlined. `low` are
    the slices to look at, the least sure first. It says nothing about what a person changed since.
    """

    axis: int
    slices: list[float | None]
    low: list[int]


class Report(_Model):
    """The whole report; `seconds` is the time of meshing, `stage_seconds` the times of the stages before it.

    `revision` 1 is the algorithm's; the others have an `edit`.
    """

    notice: str
    revision: int
    edit: EditReport | None
    software: str
    models: list[ModelReport]
    source: str | None
    modality: str | None
    quality: str
    units: dict[str, str]
    organs: list[OrganReport]
    confidence: ConfidenceReport | None
    triangles: int
    seconds: float
    stage_seconds: dict[str, float]
    warnings: list[WarningReport]


def build_report(meshed: MeshedOrgans, provenance: Provenance) -> Report:
    """The report of meshed organs; `provenance` describes the stages before the mesher."""
    organs = [_organ_report(organ, provenance.confidence) for organ in meshed.organs]
    codes = [*provenance.warnings, *meshed.warnings]
    if not any(organ.present for organ in organs):
        codes.append("no_organs")
    return Report(
        notice=NOTICE,
        revision=provenance.edit.revision if provenance.edit else 1,
        edit=_edit_report(provenance.edit, meshed) if provenance.edit else None,
        software=provenance.software,
        models=[_model_report(name, digest, provenance) for name, digest in provenance.models],
        source=provenance.source,
        modality=provenance.modality,
        quality=meshed.quality,
        units={"volume": "mL", "area": "cm2", "length": "mm", "time": "s"},
        organs=organs,
        confidence=_confidence_report(provenance.confidence),
        triangles=sum(organ.triangles for organ in organs),
        seconds=round(meshed.seconds, 4),
        stage_seconds={stage: round(seconds, 4) for stage, seconds in provenance.stage_seconds.items()},
        warnings=_warnings(codes),
    )


def _edit_report(edit: Edit, meshed: MeshedOrgans) -> EditReport:
    names = {organ.label: organ.name for organ in meshed.organs}
    changed = [
        ChangeReport(label=label, name=names.get(label, f"label_{label}"), added=added, removed=removed)
        for label, (added, removed) in sorted(edit.changed.items())
    ]
    return EditReport(
        base=edit.base, edited_by=edit.by, edited_at=edit.at, kinds=list(edit.kinds), voxels_changed=changed
    )


def _model_report(name: str, digest: str, provenance: Provenance) -> ModelReport:
    fact = provenance.facts.get(digest)
    if fact is None:
        return ModelReport(name=name, sha256=digest)
    return ModelReport(
        name=name, version=fact.version, sha256=digest, provider=fact.provider, device=fact.device or None
    )


def _confidence_report(confidence: Confidence | None) -> ConfidenceReport | None:
    if confidence is None:
        return None
    # A NIfTI file has the axes of the array in reverse.
    return ConfidenceReport(axis=2 - confidence.axis, slices=list(confidence.slices), low=list(confidence.low))


def _organ_report(organ: MeshedOrgan, confidence: Confidence | None) -> OrganReport:
    definition = organ.definition
    sure = confidence.mean_of(organ.name) if confidence else None
    return OrganReport(
        label=organ.label,
        name=organ.name,
        title=definition.title,
        snomed_ct=definition.snomed,
        colour=definition.colour,
        present=organ.mesh is not None,
        voxels=organ.voxels,
        volume_ml=round(organ.volume_voxels_ml, 3),
        volume_voxels_ml=round(organ.volume_voxels_ml, 3),
        volume_mesh_ml=round(organ.volume_mesh_ml, 3),
        surface_cm2=round(organ.surface_cm2, 3),
        bounding_box_lps_mm=organ.box,
        components=organ.components,
        dropped_components=organ.dropped_components,
        dropped_ml=round(organ.dropped_ml, 3),
        triangles=len(organ.mesh.faces) if organ.mesh else 0,
        vertices=len(organ.mesh.vertices) if organ.mesh else 0,
        watertight=bool(organ.checks and organ.checks.watertight),
        touches_border=organ.touches_border,
        border_cm2=round(organ.ends.border, 3),
        cut_cm2=round(organ.ends.cut, 3),
        part_seen=organ.part_seen,
        confidence=None if sure is None else round(sure, 3),
        low_confidence_slices=list(confidence.low_of(organ.name)) if confidence else [],
        checks=organ.checks,
        method=organ.method,
        seconds=round(organ.seconds, 4),
        warnings=_warnings(organ.warnings, {"cut_in_scan": organ.ends.cut, "touches_border": organ.ends.border}),
    )


def _warnings(codes: Sequence[str], areas: Mapping[str, float] | None = None) -> list[WarningReport]:
    """Each code once, with its sentence; `areas` has the open cross-section in cm2 of codes that have one."""
    warnings = []
    for code in dict.fromkeys(codes):
        detail = SENTENCES.get(code, code.replace("_", " "))
        area = (areas or {}).get(code)
        detail += "" if area is None else f" The open cross-section is {area:.1f} cm2."
        warnings.append(WarningReport(code=code, detail=detail))
    return warnings
