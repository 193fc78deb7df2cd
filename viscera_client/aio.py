"""The same client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import anyio
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


class AsyncClient:
    """A connection to a Viscera service: the calls of `viscera_client.client.Client`, awaited, with its arguments."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = connection.TIMEOUT,
        patience: float = connection.PATIENCE,
        verify: Any = True,
    ) -> None:
        self._http = httpx.AsyncClient(**connection.settings(url, key, timeout, verify))
        self._calls = Calls(patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def submit(
        self,
        scan: Path,
        progress: Progress = connection.silent,
        *,
        key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job:
        """Upload a folder, zip or file, start a job on it, and return the Job."""
        return await self._run(self._calls.submit(scan, progress, key, options))

    async def upload(self, scan: Path, progress: Progress = connection.silent, **options: Unpack[ScanOptions]) -> Scan:
        """Upload a folder, zip or file in parts, each repeated after a broken connection, and return the Scan."""
        return await self._run(self._calls.upload(scan, progress, options))

    async def start(self, scan_id: str, *, key: str | None = None, **options: Unpack[JobOptions]) -> Job:
        """Start a job on an uploaded scan, and return the Job; `key` as for `submit`."""
        return await self._run(self._calls.start(scan_id, key, options))

    async def job(self, job_id: str, wait: float = 0.0) -> Job:
        """Return the Job; with `wait`, after a change or that many seconds, at most 60."""
        return await self._run(self._calls.job(job_id, wait))

    async def wait(self, job_id: str, on_change: Callable[[Job], None] = connection.ignore) -> Job:
        """Return the Job once it has succeeded; a service that is away for some seconds meanwhile is waited for."""
        return await self._run(self._calls.wait(job_id, on_change))

    async def jobs(self, *, cursor: str | None = None, limit: int = 50, **filters: Unpack[JobFilters]) -> JobPage:
        """Return a page of jobs, newest first; the `next` of one page is the `cursor` of the next one."""
        return await self._run(self._calls.jobs(cursor, limit, filters))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job."""
        return await self._run(self._calls.cancel(job_id))

    async def delete(self, job_id: str) -> None:
        """Erase a job with its scan and results."""
        await self._run(self._calls.delete(job_id))

    async def change(self, job_id: str, **changes: Unpack[JobChange]) -> Job:
        """Change what people write about a job: name, note, tags, review."""
        return await self._run(self._calls.change(job_id, changes))

    async def models(self) -> list[WorkerModel]:
        """Return the models of the server's workers."""
        return await self._run(self._calls.models())

    async def download(self, job_id: str, name: str, target: Path, *, revision: int | None = None) -> str:
        """Write one file of the job to `target`, complete or not at all, and return its ETag."""
        return await self._run(self._calls.download(job_id, name, target, revision))

    async def report(self, job_id: str, *, revision: int | None = None) -> Report:
        """Return the report of a result: volumes in mL, warnings, models."""
        return await self._run(self._calls.report(job_id, revision))

    async def revisions(self, job_id: str) -> list[Revision]:
        """Return the revisions of a result, oldest first."""
        return await self._run(self._calls.revisions(job_id))

    async def correct(self, job_id: str, labels: Path, etag: str) -> Correction:
        """Send a corrected label map (NIfTI, on the same grid); `etag` is that of the label map that was corrected."""
        return await self._run(self._calls.correct(job_id, labels, etag))

    async def edit(self, job_id: str, edits: Sequence[Edit], etag: str) -> Correction:
        """Correct the label map by edits (`viscera_client.edits`), otherwise as `correct`."""
        return await self._run(self._calls.edit(job_id, edits, etag))

    async def measurements(self, job_id: str) -> list[Measurement]:
        """Return what people measured on the scan of a job, oldest first."""
        return await self._run(self._calls.measurements(job_id))

    async def measure(
        self, job_id: str, measurement_id: str, drawing: Drawing, *, etag: str | None = None
    ) -> Measurement:
        """Add a measurement under an id of 8 to 40 letters, digits, `-` and `_`, or change the one of that ETag."""
        return await self._run(self._calls.measure(job_id, measurement_id, drawing, etag))

    async def delete_measurement(self, job_id: str, measurement_id: str) -> None:
        """Delete a measurement."""
        await self._run(self._calls.delete_measurement(job_id, measurement_id))

    async def views(self, job_id: str) -> list[SavedView]:
        """Return the saved views of the model, oldest first."""
        return await self._run(self._calls.views(job_id))

    async def save_view(
        self, job_id: str, view_id: str, name: str, look: Look, *, etag: str | None = None
    ) -> SavedView:
        """Save a view of the model under an id of 8 to 40 letters, digits, `-` and `_`, or change that of the ETag."""
        return await self._run(self._calls.save_view(job_id, view_id, name, look, etag))

    async def delete_view(self, job_id: str, view_id: str) -> None:
        """Delete a saved view."""
        await self._run(self._calls.delete_view(job_id, view_id))

    async def destinations(self) -> list[Destination]:
        """Return the DICOM systems that results can be sent to."""
        return await self._run(self._calls.destinations())

    async def send(self, job_id: str, destination: str) -> Delivery:
        """Send the newest finished revision of a result to a destination."""
        return await self._run(self._calls.send(job_id, destination))

    async def deliveries(self, job_id: str | None = None) -> list[Delivery]:
        """Return the deliveries, of one job or all, newest first."""
        return await self._run(self._calls.deliveries(job_id))

    async def retry(self, delivery_id: str) -> Delivery:
        """Make a failed or waiting delivery due now."""
        return await self._run(self._calls.retry(delivery_id))

    async def events(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the Job at each change until it has ended; a broken stream continues."""
        reader = EventReader(job_id)
        while not reader.is_done:
            broken: Exception | None = None
            request = reader.request()
            try:
                async with self._http.stream(request.method, request.path, **request.options) as response:
                    if response.status_code == 204:
                        return
                    if response.is_error:
                        await response.aread()
                    if error := error_of(response):
                        raise error
                    async for line in response.aiter_lines():
                        if job := reader.job(line):
                            yield job
            except httpx.TransportError as error:
                broken = error
            if not reader.is_done:
                await anyio.sleep(reader.pause(broken))

    async def _run(self, flow: Flow[T]) -> T:
        """Carry out the steps of a call and return its result."""
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._carry_out(step)
                except ServiceError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as stop:
            ended: T = stop.value
            return ended
        finally:
            flow.close()

    async def _carry_out(self, step: Step) -> Any:
        match step:
            case Pause():
                return await anyio.sleep(step.seconds)
            case Work():
                return await anyio.to_thread.run_sync(step.function)
        try:
            return await (self._save(step) if isinstance(step, Save) else self._answer(step))
        except httpx.TransportError as error:
            raise Unreachable(error) from error

    async def _answer(self, request: Request) -> httpx.Response:
        options = request.options | ({} if request.body is None else {"content": _pieces(request.body)})
        if request.is_presigned:
            async with httpx.AsyncClient() as other:
                return await other.request(request.method, request.path, **options)
        return await self._http.request(request.method, request.path, **options)

    async def _save(self, step: Save) -> httpx.Response:
        async with self._http.stream(step.request.method, step.request.path, **step.request.options) as response:
            if not step.is_file(response):
                await response.aread()
                return response
            with step.open(response) as file:
                async for chunk in response.aiter_bytes():
                    await anyio.to_thread.run_sync(file.write, chunk)
            return response


async def _pieces(body: FilePart) -> AsyncIterator[bytes]:
    chunks, sent = body.chunks(), 0
    while chunk := await anyio.to_thread.run_sync(next, chunks, b""):
        yield chunk
        sent += len(chunk)
        body.report(sent)
