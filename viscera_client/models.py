"""What the service returns and takes. Times are in UTC.

Members that are not known here are ignored: a later version of the service may add some.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Quality = Literal["light", "standard", "fine"]
Modality = Literal["MR", "CT"]
Review = Literal["unread", "accepted", "needs_correction"]
Point = tuple[float, float, float]
Axis = Literal["axial", "coronal", "sagittal"]


class JobOptions(TypedDict, total=False):
    """Options of a job; `spacing` is (slice, row, column) in mm, `deadline` in seconds."""

    quality: Quality
    spacing: tuple[float, float, float]
    modality: Modality
    coverage: bool
    deadline: int
    model: str


class ScanOptions(TypedDict, total=False):
    """What a scan does not say itself; `spacing` is (slice, row, column) in mm."""

    spacing: tuple[float, float, float]
    modality: Modality


class JobFilters(TypedDict, total=False):
    """What a list of jobs is limited to; `created_after` is inclusive, `created_before` exclusive."""

    state: JobState
    created_after: datetime
    created_before: datetime
    q: str
    modality: Modality
    model: str
    review: Review
    warning: str
    tag: list[str]


class JobChange(TypedDict, total=False):
    """What people write about a job."""

    name: str
    note: str
    tags: list[str]
    review: Review


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Scan(_Model):
    """An accepted upload."""

    id: str
    sha256: str
    bytes: int
    format: str


class UploadPart(_Model):
    """One part of an upload: its bytes go to `url`; `done` once they have arrived."""

    number: int
    url: str
    bytes: int
    done: bool


class Upload(_Model):
    """An upload in parts."""

    upload: str
    bytes: int
    part_bytes: int
    expires: datetime
    parts: list[UploadPart]


class Notice(_Model):
    """A stable code and its sentence: why a job failed, or what is unusual."""

    code: str
    detail: str


class StageStatus(_Model):
    """One stage of a job; `progress` is from 0 to 1."""

    name: str
    state: str
    attempts: int
    progress: float
    started: datetime | None
    ended: datetime | None


class Job(_Model):
    """A job; `revision` is the newest finished revision of its result, `links` name the files that it can have."""

    id: str
    state: JobState
    stage: str | None
    progress: float
    position: int | None
    wait_seconds: int | None
    stages: list[StageStatus]
    created: datetime
    started: datetime | None
    ended: datetime | None
    deadline: datetime
    expires: datetime | None
    error: Notice | None
    revision: int | None = None
    links: dict[str, str]
    name: str = ""
    note: str = ""
    tags: list[str] = []
    review: Review = "unread"
    modality: str = ""
    model: str = ""
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    warnings: list[Notice] = []

    @property
    def is_open(self) -> bool:
        """Whether the job waits or runs."""
        return self.state in ("queued", "running")


class JobPage(_Model):
    """A page of jobs, newest first; `next` is the cursor of the page after it."""

    items: list[Job]
    next: str | None


class WorkerModel(_Model):
    """A model of a live worker."""

    stage: str
    name: str
    version: str
    sha256: str
    provider: str
    device: str
    licence: str
    card: dict[str, Any]


class LabelChange(_Model):
    """The voxels that a label gained and lost."""

    label: int
    added: int
    removed: int


class RevisionFailure(_Model):
    """Why a revision failed."""

    code: str


class Revision(_Model):
    """One revision of a result; 1 is the algorithm's, which nobody edited."""

    revision: int
    state: Literal["queued", "running", "succeeded", "failed"]
    base: int | None
    edited_by: str | None
    edited_at: datetime | None
    kinds: list[str]
    changed: list[LabelChange]
    ended: datetime | None
    error: RevisionFailure | None
    links: dict[str, str]


class Correction(_Model):
    """A label map that was accepted as a revision; `etag` names it in the next correction."""

    revision: int
    etag: str
    job: Job


class Drawing(_Model):
    """What is measured: points in the patient, LPS mm, on a plane of the scan or on surfaces of the model.

    A length has its two ends, an angle three points with its vertex second, a probe one point. An area is an ellipse:
    the ends of its one axis, then those of the other. A polygon, on surfaces only, has 3 to 50 corners. An arrow, on
    surfaces only, has the place that it points at and its other end, and a label.
    """

    kind: Literal["length", "angle", "area", "probe", "polygon", "arrow"]
    plane: Literal["axial", "coronal", "sagittal", "surface"]
    points: list[Point]
    label: str = ""


class Statistics(_Model):
    """Of the voxels with their centres in an area, in the scan's own numbers."""

    mean: float
    deviation: float
    least: float
    most: float
    voxels: int


class Measurement(Drawing):
    """A measurement as the service computed it; `unit` is UCUM. An arrow has neither. `etag` names it in a change."""

    id: str
    value: float | None
    unit: str | None
    statistics: Statistics | None
    measured_by: str
    measured_at: datetime
    etag: str


class Cut(_Model):
    """A cut through the model, at a part (0 to 1) of its extent from the feet, the back or the patient's right."""

    axis: Axis
    part: float


class Opacity(_Model):
    """How an organ is shown that is not fully shown; 0 is hidden."""

    label: int
    opacity: float


class Look(_Model):
    """What a view of the model shows; places are in the patient, LPS mm.

    `opacities` has the organs that are not fully shown. `apart` is how far the organs are moved apart, 0 as they lie.
    `plane` is that of the slice in the model, `place` the place that the slices show.
    """

    camera: Point
    target: Point
    opacities: list[Opacity] = []
    xray: bool = False
    apart: float = 0.0
    cut: Cut | None = None
    plane: Axis | None = None
    place: Point | None = None


class SavedView(_Model):
    """A view of the model that somebody saved under a name. `etag` names it in a change."""

    id: str
    name: str
    look: Look
    saved_by: str
    saved_at: datetime
    etag: str


class Destination(_Model):
    """A DICOM system that results can be sent to."""

    name: str
    protocol: Literal["DICOMweb", "DIMSE"]


class Delivery(_Model):
    """A revision of the result of one job for one destination; `error` says why the last attempt failed."""

    id: str
    job: str
    revision: int
    destination: str
    state: Literal["pending", "sending", "delivered", "failed"]
    attempts: int
    error: str | None
    created: datetime
    ended: datetime | None
