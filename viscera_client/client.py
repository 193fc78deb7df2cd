"""The client of the HTTP interface: uploads with progress, waits, downloads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from viscera_client import connection
from viscera_client.calls import Calls
from viscera_client.edits import Edit
from viscera_client.errors import ServiceError, Unreachable, error_of
from viscera_client.following import EventReader
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
from viscera_client.steps import FilePart, Flow, Pause, Request, Save, Step, Work
from viscera_client.uploading import Progress

T = TypeVar("T")


class Client:
    """A connection to a Viscera service; its errors are raised as ServiceError, with code and sentence.

    `timeout` is in seconds, of one request. `patience` is how long, in seconds, a call waits for a service that says
    that it is busy (429, 503) and when to come again. `verify` is an ssl.SSLContext for a certificate of one's own.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = connection.TIMEOUT,
        patience: float = connection.PATIENCE,
        verify: Any = True,
    ) -> None:
        self._http = httpx.Client(**connection.settings(url, key, timeout, verify))
        self._calls = Calls(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def submit(
        self,
        scan: Path,
        progress: Progress = connection.silent,
        *,
        key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Upload a folder, zip or file, start a job on it, and return the Job.

        A repeated call with the same Idempotency-Key `key` returns the same job; by default each call has its own. A
        scan above 64 MiB is sent in parts, and again by each call: `upload` it once, and repeat `start`.
        Raises Refused, with the sentence of what is wrong with the scan.
        """
        return self._run(self._calls.submit(scan, progress, key, options))

    def upload(self, scan: Path, progress: Progress = connection.silent, **options: Unpack[ScanOptions]) -> Scan:
        """Upload a folder, zip or file in parts, each repeated after a broken connection, and return the Scan.

        The parts go straight to the bucket where the installation has one.
        """
        return self._run(self._calls.upload(scan, progress, options))

    def start(self, scan_id: str, *, key: str | None = None, **options: Unpack[JobOptions]) -> Job:
        """Start a job on an uploaded scan, and return the Job; `key` as for `submit`."""
        return self._run(self._calls.start(scan_id, key, options))

    def job(self, job_id: str, wait: float = 0.0) -> Job:
        """Return the Job; with `wait`, after a change or that many seconds, at most 60."""
        return self._run(self._calls.job(job_id, wait))

    def wait(self, job_id: str, on_change: Callable[[Job], None] = connection.ignore) -> Job:
        """Return the Job once it has succeeded; a service that is away for some seconds meanwhile is waited for.

        Raises JobFailed for any other end.
        """
        return self._run(self._calls.wait(job_id, on_change))

    def jobs(self, *, cursor: str | None = None, limit: int = 50, **filters: Unpack[JobFilters]) -> JobPage:
        """Return a page of jobs, newest first; the `next` of one page is the `cursor` of the next one."""
        return self._run(self._calls.jobs(cursor, limit, filters))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job.

        Raises Refused with the code `job_<state>` if it had ended.
        """
        return self._run(self._calls.cancel(job_id))

    def delete(self, job_id: str) -> None:
        """Erase a job with its scan and results."""
        self._run(self._calls.delete(job_id))

    def change(self, job_id: str, **changes: Unpack[JobChange]) -> Job:
        """Change what people write about a job: name, note, tags, review."""
        return self._run(self._calls.change(job_id, changes))

    def models(self) -> list[WorkerModel]:
        """Return the models of the server's workers."""
        return self._run(self._calls.models())

    def download(self, job_id: str, name: str, target: Path, *, revision: int | None = None) -> str:
        """Write one file of the job to `target`, complete or not at all, and return its ETag.

        An interrupted download continues, and a file that the server writes at its first request is waited for.
        """
        return self._run(self._calls.download(job_id, name, target, revision))

    def report(self, job_id: str, *, revision: int | None = None) -> Report:
        """Return the report of a result: volumes in mL, warnings, models."""
        return self._run(self._calls.report(job_id, revision))

    def revisions(self, job_id: str) -> list[Revision]:
        """Return the revisions of a result, oldest first."""
        return self._run(self._calls.revisions(job_id))

    def correct(self, job_id: str, labels: Path, etag: str) -> Correction:
        """Send a corrected label map (NIfTI, on the same grid); `etag` is that of the label map that was corrected.

        `download(job_id, "model.glb", target, revision=correction.revision)` waits for its model.
        Raises Changed if somebody else was faster.
        """
        return self._run(self._calls.correct(job_id, labels, etag))

    def edit(self, job_id: str, edits: Sequence[Edit], etag: str) -> Correction:
        """Correct the label map by edits (`viscera_client.edits`), otherwise as `correct`."""
        return self._run(self._calls.edit(job_id, edits, etag))

    def measurements(self, job_id: str) -> list[Measurement]:
        """Return what people measured on the scan of a job, oldest first."""
        return self._run(self._calls.measurements(job_id))

    def measure(self, job_id: str, measurement_id: str, drawing: Drawing, *, etag: str | None = None) -> Measurement:
        """Add a measurement under an id of 8 to 40 letters, digits, `-` and `_`, or change the one that has the ETag.

        Raises Changed if it is another one by now.
        """
        return self._run(self._calls.measure(job_id, measurement_id, drawing, etag))

    def delete_measurement(self, job_id: str, measurement_id: str) -> None:
        """Delete a measurement."""
        self._run(self._calls.delete_measurement(job_id, measurement_id))

    def views(self, job_id: str) -> list[SavedView]:
        """Return the saved views of the model, oldest first."""
        return self._run(self._calls.views(job_id))

    def save_view(self, job_id: str, view_id: str, name: str, look: Look, *, etag: str | None = None) -> SavedView:
        """Save a view of the model under an id of 8 to 40 letters, digits, `-` and `_`, or change that of the ETag.

        Raises Changed if it is another one by now.
        """
        return self._run(self._calls.save_view(job_id, view_id, name, look, etag))

    def delete_view(self, job_id: str, view_id: str) -> None:
        """Delete a saved view."""
        self._run(self._calls.delete_view(job_id, view_id))

    def destinations(self) -> list[Destination]:
        """Return the DICOM systems that results can be sent to."""
        return self._run(self._calls.destinations())

    def send(self, job_id: str, destination: str) -> Delivery:
        """Send the newest finished revision of a result to a destination."""
        return self._run(self._calls.send(job_id, destination))

    def deliveries(self, job_id: str | None = None) -> list[Delivery]:
        """Return the deliveries, of one job or all, newest first."""
        return self._run(self._calls.deliveries(job_id))

    def retry(self, delivery_id: str) -> Delivery:
        """Make a failed or waiting delivery due now."""
        return self._run(self._calls.retry(delivery_id))

    def events(self, job_id: str) -> Iterator[Job]:
        """Yield the Job at each change until it has ended; a broken stream continues."""
        reader = EventReader(job_id)
        while not reader.is_done:
            broken: Exception | None = None
            request = reader.request()
            try:
                with self._http.stream(request.method, request.path, **request.options) as response:
                    if response.status_code == 204:
                        return
                    if response.is_error:
                        response.read()
                    if error := error_of(response):
                        raise error
                    for line in response.iter_lines():
                        if job := reader.job(line):
                            yield job
            except httpx.TransportError as error:
                broken = error
            if not reader.is_done:
                time.sleep(reader.pause(broken))

    def _run(self, flow: Flow[T]) -> T:
        """Carry out the steps of a call and return its result."""
        try:
            step = next(flow)
            while True:
                try:
                    result = self._carry_out(step)
                except ServiceError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        finally:
            flow.close()

    def _carry_out(self, step: Step) -> Any:
        match step:
            case Pause():
                time.sleep(step.seconds)
                return None
            case Work():
                return step.function()
        try:
            return self._save(step) if isinstance(step, Save) else self._answer(step)
        except httpx.TransportError as error:
            raise Unreachable(error) from error

    def _answer(self, request: Request) -> httpx.Response:
        options = request.options | ({} if request.body is None else {"content": _pieces(request.body)})
        if request.is_presigned:
            return httpx.request(request.method, request.path, **options)
        return self._http.request(request.method, request.path, **options)

    def _save(self, step: Save) -> httpx.Response:
        with self._http.stream(step.request.method, step.request.path, **step.request.options) as response:
            if not step.is_file(response):
                response.read()
                return response
            with step.open(response) as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
            return response


def _pieces(body: FilePart) -> Iterator[bytes]:
    sent = 0
    for chunk in body.chunks():
        yield chunk
        sent += len(chunk)
        body.report(sent)
