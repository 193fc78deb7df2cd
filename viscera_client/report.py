"""report.json: volumes, checks, models and warnings of a result.

Members with a default are missing in reports of version 0.1.0.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from viscera_client.models import Notice


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Checks(_Model):
    """The checks of one mesh and whether it passed each; None where one was not made."""

    watertight: bool
    manifold: bool
    outward: bool
    no_degenerate_faces: bool
    volume_kept: bool
    finite_normals: bool
    within_box: bool
    near_voxels: bool
    area_plausible: bool
    no_crossings: bool | None


class OrganReport(_Model):
    """One organ: volumes in mL, areas in cm2, the bounding box in patient LPS mm, seconds.

    `part_seen` says that the volume is probably that of a part.
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
    bounding_box_lps_mm: tuple[tuple[float, float, float], tuple[float, float, float]] | None
    components: int
    dropped_components: int
    dropped_ml: float
    triangles: int
    vertices: int
    watertight: bool
    touches_border: bool
    border_cm2: float = 0.0
    cut_cm2: float = 0.0
    part_seen: bool = False
    confidence: float | None = None
    low_confidence_slices: list[int] = []
    checks: Checks | None
    method: str
    seconds: float
    warnings: list[Notice]


class ModelReport(_Model):
    """A model that was used."""

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
    """What a person did to the outlines of revision `base`."""

    base: int
    edited_by: str
    edited_at: datetime
    kinds: list[str]
    voxels_changed: list[ChangeReport]


class ConfidenceReport(_Model):
    """How sure the model is: the Dice to expect on each slice along an axis of labels.nii.gz.

    `low` are the slices to look at, the least sure first; all are counted from 0.
    """

    axis: int
    slices: list[float | None]
    low: list[int]


class Report(_Model):
    """The whole report; revision 1 is the algorithm's, the others have an `edit`."""

    notice: str
    revision: int = 1
    edit: EditReport | None = None
    software: str
    models: list[ModelReport]
    source: str | None
    modality: str | None
    quality: str
    units: dict[str, str]
    organs: list[OrganReport]
    confidence: ConfidenceReport | None = None
    triangles: int
    seconds: float
    stage_seconds: dict[str, float]
    warnings: list[Notice]
