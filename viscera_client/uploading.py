"""Uploads: a scan as one body or in parts, and the job that it starts."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from viscera_client.models import Job, JobOptions, Scan, ScanOptions, Upload, UploadPart
from viscera_client.packing import pack
from viscera_client.steps import TRIES, FilePart, Flow, Request, Work, answered

Progress = Callable[[float], None]
"""Gets the part of the bytes that were sent, from 0 to 1."""
IN_PARTS = 64 * 2**20
"""Files above this many bytes are sent in parts."""
UPLOAD_SECONDS = 600.0


def submit(scan: Path, progress: Progress, key: str | None, options: JobOptions, patience: float) -> Flow[Job]:
    """Upload a folder, zip or file, and start a job on it."""
    name = key or uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        path: Path = yield Work(partial(pack, scan, Path(folder)))
        if path.stat().st_size > IN_PARTS:
            uploaded = yield from _in_parts(path, progress, scan_options(options), patience)
            return (yield from start(uploaded.id, name, options, patience))
        headers = {"Idempotency-Key": name}
        request = Request(
            method="POST", path="/v1/jobs", params=query(options), headers=headers, body=_body(path, progress),
            timeout=UPLOAD_SECONDS,
        )  # fmt: skip
        return Job.model_validate_json((yield from answered(request, patience)).content)


def start(scan_id: str, key: str | None, options: JobOptions, patience: float) -> Flow[Job]:
    """Start a job on an uploaded scan."""
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    request = Request(method="POST", path="/v1/jobs", json={"scan": scan_id, "options": options}, headers=headers)
    return Job.model_validate_json((yield from answered(request, patience)).content)


def upload(scan: Path, progress: Progress, options: ScanOptions, patience: float) -> Flow[Scan]:
    """Upload a folder, zip or file for later jobs."""
    with tempfile.TemporaryDirectory(prefix="viscera-") as folder:
        path: Path = yield Work(partial(pack, scan, Path(folder)))
        return (yield from _in_parts(path, progress, options, patience))


def _in_parts(path: Path, progress: Progress, options: ScanOptions, patience: float) -> Flow[Scan]:
    size, asked = path.stat().st_size, {"upload": "direct"}
    begin = Request(method="POST", path="/v1/scans", params=asked, json={"bytes": size}, may_repeat=False)
    upload = Upload.model_validate_json((yield from answered(begin, patience)).content)
    start = 0
    for part in upload.parts:
        yield from answered(_put(path, start, part), patience, TRIES)
        start += part.bytes
        progress(start / size)
    path_of_end = f"/v1/uploads/{upload.upload}/complete"
    complete = Request(method="POST", path=path_of_end, params=query(options), timeout=UPLOAD_SECONDS)
    return Scan.model_validate_json((yield from answered(complete, patience)).content)


def scan_options(options: JobOptions) -> ScanOptions:
    """Return the options of a job that concern its scan."""
    chosen: ScanOptions = {}
    if "spacing" in options:
        chosen["spacing"] = options["spacing"]
    if "modality" in options:
        chosen["modality"] = options["modality"]
    return chosen


def _put(path: Path, start: int, part: UploadPart) -> Request:
    body = FilePart(path=path, start=start, size=part.bytes)
    return Request(method="PUT", path=part.url, body=body, timeout=120.0)


def _body(path: Path, progress: Progress) -> FilePart:
    size = path.stat().st_size
    return FilePart(path=path, size=size, report=lambda sent: progress(sent / size))


def query(options: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the options as a query has them."""
    return {name: _text(value) for name, value in options.items()}


def _text(value: Any) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, list):
        return [str(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
