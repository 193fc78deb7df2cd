"""A client of the HTTP interface: upload with progress, wait, download."""

from __future__ import annotations

import json
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from shared.errors import BadScan, VisceraError

Progress = Callable[[float], None]
Json = dict[str, Any]
FILES = ("model.glb", "labels.nii.gz", "report.json")
_CHUNK = 1 << 18
IN_PARTS = 64 * 2**20
"""Files above this many bytes are sent in parts."""
TRIES = 5


class JobFailed(BadScan):
    """The job ended without a result; the code is the job's."""

    code = "job_failed"


class Client:
    """A connection to a Viscera gateway; errors of the service are raised with their code and sentence."""

    def __init__(self, url: str, key: str, timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        # No proxies from the environment for a server on this machine.
        loopback = httpx.URL(url).host in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, trust_env=not loopback)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(
        self, scan: Path, progress: Progress = lambda _: None, *, key: str | None = None, **options: str
    ) -> Json:
        """Upload a folder, zip or file, start a job with the `options` of `POST /v1/jobs`, and return the Job.

        A repeated call with the same Idempotency-Key `key` returns the same job.
        """
        with packed(scan) as path:
            size = path.stat().st_size
            if size > IN_PARTS:
                return self.start(self.upload(path, progress, **options), key=key, **options)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            headers |= {"Idempotency-Key": key} if key else {}
            body = _body_chunks(path, size, progress)
            return self._json("POST", "/v1/jobs", params=options, content=body, headers=headers, timeout=600.0)

    def upload(self, path: Path, progress: Progress = lambda _: None, **options: str) -> str:
        """Upload a file in parts, each repeated after a broken connection, and return the id of its Scan."""
        return str(self._in_parts(path, progress, options)["id"])

    def start(self, scan_id: str, *, key: str | None = None, **options: str) -> Json:
        """Start a job on an uploaded scan with the `options` of `POST /v1/jobs`, and return the Job.

        A repeated call with the same Idempotency-Key `key` returns the same job.
        """
        request = {"scan": scan_id, "options": job_options(options)}
        return self._json("POST", "/v1/jobs", json=request, headers={"Idempotency-Key": key} if key else {})

    def job(self, job_id: str, wait: float = 0.0) -> Json:
        """Return the Job; with `wait`, after a change or that many seconds."""
        return self._json("GET", f"/v1/jobs/{job_id}", params={"wait": str(wait)})

    def jobs(self) -> list[Json]:
        """Return the newest jobs."""
        items: list[Json] = self._json("GET", "/v1/jobs")["items"]
        return items

    def cancel(self, job_id: str) -> Json:
        """Cancel a job.

        Raises an error with the code `job_<state>` if it had ended.
        """
        return self._json("POST", f"/v1/jobs/{job_id}/cancel")

    def delete(self, job_id: str) -> None:
        """Erase a job with its scan and results."""
        check(self._http.delete(f"/v1/jobs/{job_id}"))

    def wait(self, job_id: str, on_change: Callable[[Json], None] = lambda _: None) -> Json:
        """Return the Job once it has succeeded.

        Raises JobFailed for any other end.
        """
        job = self.job(job_id)
        on_change(job)
        while job["state"] in {"queued", "running"}:
            job = self.job(job_id, wait=20.0)
            on_change(job)
        if job["state"] != "succeeded":
            raise failure(job)
        return job

    def models(self) -> list[Json]:
        """Return the models of the server's workers."""
        items: list[Json] = self._json("GET", "/v1/models")["items"]
        return items

    def events(self, job_id: str) -> Iterator[Json]:
        """Yield the Job at each change until it has ended."""
        with self._http.stream("GET", f"/v1/jobs/{job_id}/events", timeout=60.0) as response:
            check(response)
            for line in response.iter_lines():
                if (job := event_job(line)) is not None:
                    yield job

    def download(self, job_id: str, name: str, target: Path) -> None:
        """Write one file of the job to `target`, complete or not at all; continue an interrupted download.

        A file that the server writes at its first request is waited for.
        """
        part = target.with_name(target.name + ".part")
        have = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._http.stream("GET", f"/v1/jobs/{job_id}/{name}", headers=headers) as response:
            if response.status_code == 416:  # the existing part is of another file
                part.unlink()
                return self.download(job_id, name, target)
            check(response)
            if (pause := pause_before(response)) is not None:
                response.close()
                time.sleep(pause)
                return self.download(job_id, name, target)
            with part.open("ab" if response.status_code == 206 else "wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        part.replace(target)
        return None

    def _in_parts(self, path: Path, progress: Progress, options: Mapping[str, str]) -> Json:
        size = path.stat().st_size
        upload = self._json("POST", "/v1/scans", params={"upload": "direct"}, json={"bytes": size})
        with path.open("rb") as file:
            for part in upload["parts"]:
                self._part(part["url"], file.read(part["bytes"]))
                progress(file.tell() / size)
        params = {name: options[name] for name in ("spacing", "modality") if name in options}
        return self._json("POST", f"/v1/uploads/{upload['upload']}/complete", params=params, timeout=600.0)

    def _part(self, url: str, data: bytes) -> None:
        # A presigned URL contains its own permission to write; the key must not be sent with it.
        put = httpx.put if "://" in url else self._http.put
        for attempt in range(TRIES):
            try:
                check(put(url, content=data, timeout=120.0))
            except httpx.TransportError as error:
                if attempt + 1 == TRIES:
                    raise unreachable(error) from error
                time.sleep(2.0**attempt)
            else:
                break

    def _json(self, method: str, path: str, **options: Any) -> Json:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise unreachable(error) from error
        check(response)
        body: Json = response.json()
        return body


@contextmanager
def packed(scan: Path) -> Iterator[Path]:
    """Yield the scan as one file: a folder (only its `scans/` if it has one) is zipped."""
    if not scan.is_dir():
        yield scan
        return
    base = scan / "scans" if (scan / "scans").is_dir() else scan
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        target = Path(folder) / "scan.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in sorted(base.rglob("*")):
                relative = file.relative_to(base)
                if file.is_file() and not any(part.startswith(".") for part in relative.parts):
                    archive.write(file, relative.as_posix())
        yield target


def _body_chunks(path: Path, size: int, progress: Progress) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            progress(sent / size)


def job_options(options: Mapping[str, str]) -> Json:
    """Return the options of a raw upload's query as a JSON request has them."""
    spacing = options.get("spacing")
    converted: Json = {name: value for name, value in options.items() if name != "spacing"}
    return converted | ({"spacing": [float(size) for size in spacing.split(",")]} if spacing else {})


def event_job(line: str) -> Json | None:
    """Return the Job in a line of a stream of server-sent events; None for every other line."""
    if not line.startswith("data: "):
        return None
    job: Json = json.loads(line.removeprefix("data: "))
    return job if "state" in job else None


def unreachable(error: Exception) -> VisceraError:
    """Return the error for a broken connection."""
    return VisceraError(f"The server is not available ({type(error).__name__}).", "unreachable")


def failure(job: Json) -> JobFailed:
    """Return the error of a job that ended without a result."""
    error = job["error"] or {"code": f"job_{job['state']}", "detail": f"The job was {job['state']}."}
    return JobFailed(error["detail"], error["code"])


def pause_before(response: httpx.Response) -> float | None:
    """Return the seconds after which to request a file again that is still being written; None for a file."""
    return float(response.headers.get("retry-after", 1.0)) if response.status_code == 202 else None


def check(response: httpx.Response) -> None:
    """Raise the service's error with its code and sentence, if the response is one."""
    if response.status_code < 400:
        return
    if not response.is_stream_consumed:
        response.read()
    try:
        problem = response.json()
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        detail, code = f"The server answered {response.status_code}.", "http_error"
    raise (BadScan if 400 <= response.status_code < 500 else VisceraError)(detail, code)
