"""A client of the HTTP interface: upload with progress, wait, download."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
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


class JobFailed(BadScan):
    """The job ended without a result; the code is the job's."""

    code = "job_failed"


class Client:
    """A connection to a Viscera gateway; errors of the service are raised with its code and sentence."""

    def __init__(self, url: str, key: str, timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        # No environment proxies for a server on this machine.
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
        """Uploads a folder, zip or file and starts a job; `options` are `quality` and `spacing`. Returns the Job.

        Sent again with the same Idempotency-Key `key` it gives the same job.
        """
        with packed(scan) as path:
            size = path.stat().st_size
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            headers |= {"Idempotency-Key": key} if key else {}
            body = _told(path, size, progress)
            return self._json("POST", "/v1/jobs", params=options, content=body, headers=headers, timeout=600.0)

    def job(self, job_id: str, wait: float = 0.0) -> Json:
        """The Job; with `wait`, after a change or that many seconds."""
        return self._json("GET", f"/v1/jobs/{job_id}", params={"wait": str(wait)})

    def jobs(self) -> list[Json]:
        """The newest jobs."""
        items: list[Json] = self._json("GET", "/v1/jobs")["items"]
        return items

    def cancel(self, job_id: str) -> Json:
        """Ends a job; raises with the code `job_<state>` if it had ended."""
        return self._json("POST", f"/v1/jobs/{job_id}/cancel")

    def wait(self, job_id: str, told: Callable[[Json], None] = lambda _: None) -> Json:
        """The Job once it has succeeded; raises JobFailed for any other end."""
        job = self.job(job_id)
        told(job)
        while job["state"] in {"queued", "running"}:
            job = self.job(job_id, wait=20.0)
            told(job)
        if job["state"] != "succeeded":
            error = job["error"] or {"code": f"job_{job['state']}", "detail": f"The job was {job['state']}."}
            raise JobFailed(error["detail"], error["code"])
        return job

    def models(self) -> list[Json]:
        """The models that the server's workers run."""
        items: list[Json] = self._json("GET", "/v1/models")["items"]
        return items

    def download(self, job_id: str, name: str, target: Path) -> None:
        """Writes one file of the job to `target`, complete or not at all."""
        part = target.with_name(target.name + ".part")
        with self._http.stream("GET", f"/v1/jobs/{job_id}/{name}") as answer:
            if answer.status_code != 200:
                answer.read()
                _raise(answer)
            with part.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
        part.replace(target)

    def _json(self, method: str, path: str, **given: Any) -> Json:
        try:
            answer = self._http.request(method, path, **given)
        except httpx.TransportError as error:
            raise VisceraError(f"The server can't be reached ({type(error).__name__}).", "unreachable") from error
        if answer.status_code >= 400:
            _raise(answer)
        body: Json = answer.json()
        return body


@contextmanager
def packed(scan: Path) -> Iterator[Path]:
    """The scan as one file: a folder (of its `scans/` alone where there is one) is zipped."""
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


def _told(path: Path, size: int, progress: Progress) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            progress(sent / size)


def _raise(answer: httpx.Response) -> None:
    try:
        problem = answer.json()
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        detail, code = f"The server answered {answer.status_code}.", "http_error"
    raise (BadScan if 400 <= answer.status_code < 500 else VisceraError)(detail, code)
