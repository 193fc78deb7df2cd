"""JSON documents of the HTTP interface. Times are RFC 3339 UTC."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.artifacts import VOLUME
from shared.ledger import descriptions, early, jobs

Quality = Literal["light", "standard", "fine"]
Modality = Literal["MR", "CT"]
Millimetres = Annotated[float, Field(ge=0.01, lt=100.0)]
WEIGHTS = {"classifier": 0.25, "segmenter": 0.6, "mesher": 0.15}
"""Share of each stage in a job's progress."""
MEDIA_TYPES = {
    "model.glb": "model/gltf-binary",
    "model.stl": "model/stl",
    "model.obj.zip": "application/zip",
    "model.3mf": "model/3mf",
    "model.usdz": "model/vnd.usdz+zip",
    "thumbnail.png": "image/png",
    "labels.nii.gz": "application/gzip",
    "report.json": "application/json",
    "report.pdf": "application/pdf",
    "segmentation.dcm": "application/dicom",
    "sr.dcm": "application/dicom",
    "rtstruct.dcm": "application/dicom",
    "stl.dcm": "application/dicom",
    "obj.dcm": "application/dicom",
    "mtl.dcm": "application/dicom",
}
"""Files that a client may download, and their media types."""


def _written_out(value: object) -> object:
    if isinstance(value, str) and value.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a time has the format of RFC 3339")
    return value


RevisionNumber = Annotated[int | None, Query(ge=1, le=1_000_000)]
"""The revision of a result that a request is for; None is the newest finished one."""
Moment = Annotated[datetime, BeforeValidator(_written_out)]
_SIZE = r" *(0\.0[1-9][0-9]*|0\.[1-9][0-9]*|[1-9][0-9]?(\.[0-9]+)?) *"
SpacingText = Annotated[str, Field(pattern=f"^{_SIZE},{_SIZE},{_SIZE}$", max_length=100)]
"""Three sizes in mm from 0.01 to below 100: slice,row,column."""


Tag = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\s,]+$")]
"""One word: a query finds it by itself."""
ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class Options(BaseModel):
    """Options of a job.

    `spacing` is (slice, row, column) in mm, for PNG stacks. `modality` is that of a scan whose files do not say it.
    `coverage` is whether slices beyond the part that the model card covers are left out. `deadline` is the longest
    duration of the job in seconds, including its wait, where it is less than the service's limit. `model` is the
    segmenter, NAME or NAME@VERSION as `/v1/models` lists them; by default that of the scan's modality.
    """

    model_config = ConfigDict(extra="forbid")

    quality: Quality = "standard"
    spacing: tuple[Millimetres, Millimetres, Millimetres] | None = None
    modality: Modality | None = None
    coverage: bool = True
    deadline: Annotated[int, Field(ge=1, le=7 * 86400)] | None = None
    model: ModelName | None = None

    @classmethod
    def from_query(cls, spacing: str | None, **options: Any) -> Options:
        """Return the options of a raw upload; `spacing` is the text slice,row,column."""
        z_y_x = tuple(float(part) for part in spacing.split(",")) if spacing else None
        return cls.model_validate({"spacing": z_y_x, **options})


class JobRequest(BaseModel):
    """A job on an uploaded scan."""

    model_config = ConfigDict(extra="forbid")

    scan: str
    options: Options = Options()


class Scan(BaseModel):
    """An accepted upload."""

    id: str
    sha256: str
    bytes: int
    format: str


class StageStatus(BaseModel):
    """One stage of a job."""

    name: str
    state: str
    attempts: int
    progress: float
    started: datetime | None
    ended: datetime | None


class Failure(BaseModel):
    """Why a job failed."""

    code: str
    detail: str


class Job(BaseModel):
    """A job; `revision` is the newest finished revision of its result, None without a result.

    `reviewed_by` is the name of the key or the subject that chose the review state, at `reviewed_at`.
    """

    id: str
    state: jobs.State
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
    error: Failure | None
    revision: int | None
    links: dict[str, str]
    name: str = ""
    note: str = ""
    tags: list[str] = []
    review: descriptions.Review = "unread"
    modality: str = ""
    model: str = ""
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    warnings: list[JobWarning] = []


class JobWarning(BaseModel):
    """What was unusual about a scan for the job's model before the work; the report has all warnings of the result."""

    code: str
    detail: str


class JobChange(BaseModel):
    """What people write about a job; a member that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)] | None = None
    note: Annotated[str, Field(max_length=4000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None
    review: descriptions.Review | None = None


class JobPage(BaseModel):
    """A page of jobs, newest first; `next` is the cursor of the page after it."""

    items: list[Job]
    next: str | None


class WorkerModel(BaseModel):
    """A model of a live worker."""

    stage: str
    name: str
    version: str
    sha256: str
    provider: str
    device: str
    licence: str
    card: dict[str, Any]


class ModelList(BaseModel):
    """The models in use."""

    items: list[WorkerModel]


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema with its definitions inlined, for use in another document."""
    schema = model.model_json_schema()
    named = schema.pop("$defs", {})

    def put_in(node: Any) -> Any:
        if isinstance(node, dict):
            reference = str(node.get("$ref", ""))
            if reference.startswith("#/$defs/"):
                return put_in(named[reference.removeprefix("#/$defs/")])
            # A discriminator names schemas by reference; those that are inlined have a constant that tells them apart.
            left_out = {"discriminator"} if "oneOf" in node else set()
            return {key: put_in(value) for key, value in node.items() if key not in left_out}
        return [put_in(entry) for entry in node] if isinstance(node, list) else node

    inside: dict[str, Any] = put_in(schema)
    return inside


class FileState(BaseModel):
    """A file of a result that is not written yet."""

    name: str
    state: Literal["waiting"]


class EarlyPart(BaseModel):
    """Finished slices of a job that runs.

    They are `start` to `stop` (exclusive) along an axis of the label map's array: 0 slice, 1 row, 2 column, which are
    the third, second and first axis of the NIfTI file. `attempt` changes when the segmenter starts anew.
    """

    attempt: int
    number: int
    axis: int
    start: int
    stop: int
    href: str


class EarlyOutlines(BaseModel):
    """The slices of a job that are finished so far, in the order in which they were."""

    parts: list[EarlyPart]


def early_part(job_id: str, part: early.EarlyPart) -> EarlyPart:
    """Return a part as clients see it."""
    href = f"/v1/jobs/{job_id}/early/{part.number}.nii.gz?attempt={part.attempt}"
    return EarlyPart(**asdict(part), href=href)


class Health(BaseModel):
    """Whether the service is ready, and what is missing."""

    status: str
    missing: list[str] = []


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class RevisionConflict(Problem):
    """The problem of a correction that came second: the current revision, by whom, when, and what it changed."""

    revision: int
    etag: str
    edited_by: str | None = None
    edited_at: datetime | None = None
    kinds: list[str] = []
    changed: list[dict[str, int]] = []


def job_view(
    job: jobs.Job,
    published: set[str] | dict[str, jobs.Artifact],
    wait: int | None = None,
    described: descriptions.Description = descriptions.Description(),  # noqa: B008 - it can't change
) -> Job:
    """Return the client's view of a job, with its files, its expected wait in seconds and its description."""
    here = f"/v1/jobs/{job.id}"
    links = {"self": here, "events": f"{here}/events"}
    if VOLUME in published:
        links["volume.nii.gz"] = f"{here}/volume.nii.gz"
    links |= {name: f"{here}/{name}" for name in MEDIA_TYPES if name in published or name in job.current_offers}
    if job.state == "succeeded":
        links |= {name: f"{here}/{name}" for name in ("report.pdf", "revisions")}
    if "segmentation.dcm" in links:
        links["deliveries"] = f"/v1/dicom/deliveries?job={job.id}"
    if job.state in jobs.OPEN:
        links["cancel"] = f"{here}/cancel"
    error = Failure(code=job.error_code, detail=job.error_detail or "") if job.error_code else None
    return Job(
        id=job.id,
        state=job.state,
        stage=job.stage,
        progress=_progress(job),
        position=job.position,
        wait_seconds=wait,
        stages=[_stage_view(run) for run in job.stages],
        created=time_of(job.created),
        started=time_or_none(job.started),
        ended=time_or_none(job.ended),
        deadline=time_of(job.deadline),
        expires=time_or_none(job.expires),
        error=error,
        revision=job.revision if job.state == "succeeded" else None,
        links=links,
        name=described.name,
        note=described.note,
        tags=list(described.tags),
        review=described.review,
        modality=described.modality,
        model=described.model,
        warnings=[JobWarning(**each) for each in job.warnings],
        reviewed_by=described.reviewed_by,
        reviewed_at=time_or_none(described.reviewed_at),
    )


def _progress(job: jobs.Job) -> float:
    if job.state == "succeeded":
        return 1.0
    return round(min(sum(WEIGHTS[run.stage] * run.progress for run in job.stages), 0.999), 3)


def _stage_view(run: jobs.StageRun) -> StageStatus:
    return StageStatus(
        name=run.stage,
        state=run.state,
        attempts=run.attempts,
        progress=round(run.progress, 3),
        started=time_or_none(run.started),
        ended=time_or_none(run.ended),
    )


def time_or_none(seconds: float | None) -> datetime | None:
    """Return `time_of` for a time that may be missing."""
    return None if seconds is None else time_of(seconds)


def time_of(seconds: float) -> datetime:
    """Return a time in seconds since 1970 as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
