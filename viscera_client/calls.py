"""Every call of the client, written once, as the steps that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from viscera_client import downloading, uploading
from viscera_client.edits import Edit
from viscera_client.errors import JobFailed
from viscera_client.models import (
    Correction,
    Delivery,
    Destination,
    Drawing,
    Job,
    JobChange,
    JobFilters,
    JobOptions,
    JobPage,
    Look,
    Measurement,
    Revision,
    SavedView,
    Scan,
    ScanOptions,
    WorkerModel,
)
from viscera_client.report import Report
from viscera_client.steps import TRIES, FilePart, Flow, Request, answered
from viscera_client.uploading import Progress, query

M = TypeVar("M", bound=BaseModel)
LONG_POLL = 20.0
LABELS = "labels.nii.gz"


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one client, which waits up to `patience` seconds for a service that says when to come again."""

    patience: float

    def submit(self, scan: Path, progress: Progress, key: str | None, options: JobOptions) -> Flow[Job]:
        """Upload a folder, zip or file, and start a job on it."""
        return uploading.submit(scan, progress, key, options, self.patience)

    def upload(self, scan: Path, progress: Progress, options: ScanOptions) -> Flow[Scan]:
        """Upload a folder, zip or file for later jobs."""
        return uploading.upload(scan, progress, options, self.patience)

    def start(self, scan_id: str, key: str | None, options: JobOptions) -> Flow[Job]:
        """Start a job on an uploaded scan."""
        return uploading.start(scan_id, key, options, self.patience)

    def job(self, job_id: str, wait: float = 0.0, tries: int = 1) -> Flow[Job]:
        """Return the Job; with `wait`, after a change or that many seconds."""
        request = Request(path=f"/v1/jobs/{job_id}", params={"wait": str(wait)}, timeout=wait + 40.0 if wait else None)
        return self._model(Job, request, tries)

    def wait(self, job_id: str, on_change: Callable[[Job], None]) -> Flow[Job]:
        """Return the Job once it has succeeded; a gateway that restarts meanwhile is waited for."""
        job = yield from self.job(job_id)
        on_change(job)
        while job.is_open:
            job = yield from self.job(job_id, LONG_POLL, TRIES)
            on_change(job)
        if job.state != "succeeded":
            raise JobFailed(job)
        return job

    def jobs(self, cursor: str | None, limit: int, filters: JobFilters) -> Flow[JobPage]:
        """Return a page of jobs."""
        params = query({**filters, "limit": limit, **({"cursor": cursor} if cursor else {})})
        return self._model(JobPage, Request(path="/v1/jobs", params=params))

    def cancel(self, job_id: str) -> Flow[Job]:
        """Cancel a job."""
        return self._model(Job, Request(method="POST", path=f"/v1/jobs/{job_id}/cancel", may_repeat=False))

    def delete(self, job_id: str) -> Flow[None]:
        """Erase a job with its scan and results."""
        yield from answered(Request(method="DELETE", path=f"/v1/jobs/{job_id}"), self.patience)

    def change(self, job_id: str, changes: JobChange) -> Flow[Job]:
        """Change what people write about a job."""
        return self._model(Job, Request(method="PATCH", path=f"/v1/jobs/{job_id}", json=changes))

    def models(self) -> Flow[list[WorkerModel]]:
        """Return the models of live workers."""
        return self._items(WorkerModel, Request(path="/v1/models"))

    def download(self, job_id: str, name: str, target: Path, revision: int | None) -> Flow[str]:
        """Write one file of a job to `target` and return its ETag."""
        return downloading.download(job_id, name, target, revision, self.patience)

    def report(self, job_id: str, revision: int | None) -> Flow[Report]:
        """Return the report of a result."""
        params: dict[str, str | list[str]] = {} if revision is None else {"revision": str(revision)}
        return self._model(Report, Request(path=f"/v1/jobs/{job_id}/report.json", params=params))

    def revisions(self, job_id: str) -> Flow[list[Revision]]:
        """Return the revisions of a result, oldest first."""
        return self._items(Revision, Request(path=f"/v1/jobs/{job_id}/revisions"))

    def correct(self, job_id: str, labels: Path, etag: str) -> Flow[Correction]:
        """Send a corrected label map."""
        body = FilePart(path=labels, size=labels.stat().st_size)
        request = Request(
            method="PUT", path=f"/v1/jobs/{job_id}/{LABELS}", headers={"If-Match": etag}, body=body,
            timeout=uploading.UPLOAD_SECONDS,
        )  # fmt: skip
        return self._correction(request)

    def edit(self, job_id: str, edits: Sequence[Edit], etag: str) -> Flow[Correction]:
        """Correct a label map by edits."""
        body = {"edits": [edit.model_dump(mode="json") for edit in edits]}
        path = f"/v1/jobs/{job_id}/{LABELS}"
        return self._correction(Request(method="PATCH", path=path, headers={"If-Match": etag}, json=body))

    def measurements(self, job_id: str) -> Flow[list[Measurement]]:
        """Return the measurements of a job, oldest first."""
        return self._items(Measurement, Request(path=f"/v1/jobs/{job_id}/measurements"))

    def measure(self, job_id: str, measurement_id: str, drawing: Drawing, etag: str | None) -> Flow[Measurement]:
        """Add a measurement, or change the one that has the ETag."""
        headers = {} if etag is None else {"If-Match": etag}
        path, body = f"/v1/jobs/{job_id}/measurements/{measurement_id}", drawing.model_dump(mode="json")
        return self._model(Measurement, Request(method="PUT", path=path, headers=headers, json=body))

    def delete_measurement(self, job_id: str, measurement_id: str) -> Flow[None]:
        """Delete a measurement."""
        request = Request(method="DELETE", path=f"/v1/jobs/{job_id}/measurements/{measurement_id}")
        yield from answered(request, self.patience)

    def views(self, job_id: str) -> Flow[list[SavedView]]:
        """Return the saved views of the model, oldest first."""
        return self._items(SavedView, Request(path=f"/v1/jobs/{job_id}/views"))

    def save_view(self, job_id: str, view_id: str, name: str, look: Look, etag: str | None) -> Flow[SavedView]:
        """Save a view of the model, or change the one that has the ETag."""
        headers = {} if etag is None else {"If-Match": etag}
        path, body = f"/v1/jobs/{job_id}/views/{view_id}", {"name": name, "look": look.model_dump(mode="json")}
        return self._model(SavedView, Request(method="PUT", path=path, headers=headers, json=body))

    def delete_view(self, job_id: str, view_id: str) -> Flow[None]:
        """Delete a saved view."""
        yield from answered(Request(method="DELETE", path=f"/v1/jobs/{job_id}/views/{view_id}"), self.patience)

    def destinations(self) -> Flow[list[Destination]]:
        """Return the DICOM systems that results can be sent to."""
        return self._items(Destination, Request(path="/v1/dicom/destinations"))

    def send(self, job_id: str, destination: str) -> Flow[Delivery]:
        """Send a result to a destination."""
        path, body = f"/v1/jobs/{job_id}/deliveries", {"destination": destination}
        return self._model(Delivery, Request(method="POST", path=path, json=body, may_repeat=False))

    def deliveries(self, job_id: str | None) -> Flow[list[Delivery]]:
        """Return the deliveries, newest first."""
        params: dict[str, str | list[str]] = {} if job_id is None else {"job": job_id}
        return self._items(Delivery, Request(path="/v1/dicom/deliveries", params=params))

    def retry(self, delivery_id: str) -> Flow[Delivery]:
        """Make a failed or waiting delivery due now."""
        path = f"/v1/dicom/deliveries/{delivery_id}/retry"
        return self._model(Delivery, Request(method="POST", path=path, may_repeat=False))

    def _model(self, kind: type[M], request: Request, tries: int = 1) -> Flow[M]:
        return kind.model_validate_json((yield from answered(request, self.patience, tries)).content)

    def _items(self, kind: type[M], request: Request) -> Flow[list[M]]:
        response = yield from answered(request, self.patience)
        return [kind.model_validate(item) for item in response.json()["items"]]

    def _correction(self, request: Request) -> Flow[Correction]:
        response = yield from answered(request, self.patience)
        job = Job.model_validate_json(response.content)
        return Correction(revision=job.revision or 1, etag=response.headers["etag"], job=job)
