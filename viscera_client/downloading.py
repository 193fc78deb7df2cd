"""Downloads: a file of a result, complete or not at all; an interrupted one continues."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path

import httpx

from viscera_client.errors import DamagedDownload, Refused, Unreachable
from viscera_client.steps import TRIES, Flow, Pause, Request, Save, Work, after_break, answered, retry_after

_SHA256 = re.compile('^"([0-9a-f]{64})"$')


def download(job_id: str, name: str, target: Path, revision: int | None, patience: float) -> Flow[str]:
    """Write one file of a job to `target` and return its ETag.

    A file that the server writes at its first request is waited for. Where the ETag is a SHA-256, the bytes are
    compared with it: a continued download may have begun with another revision's.
    """
    part = target.with_name(target.name + ".part")
    for _ in range(2):
        response = yield from _saved(job_id, name, part, revision, patience)
        etag = str(response.headers.get("etag", ""))
        if (yield Work(partial(_is_intact, part, etag))):
            part.replace(target)
            return etag
        part.unlink()
    raise DamagedDownload(name)


def _saved(job_id: str, name: str, part: Path, revision: int | None, patience: float) -> Flow[httpx.Response]:
    params: dict[str, str | list[str]] = {} if revision is None else {"revision": str(revision)}
    broken = 0
    while True:
        size = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # ranges and ETag are of the bytes as they are stored
        headers |= {"Range": f"bytes={size}-"} if size else {}
        step = Save(Request(path=f"/v1/jobs/{job_id}/{name}", params=params, headers=headers), part)
        try:
            response = yield from answered(step, patience)
        except Refused as error:
            if error.status != 416:
                raise
            part.unlink()  # it is of another file
        except Unreachable:
            broken += 1
            if broken == TRIES or not part.exists():
                raise
            yield Pause(after_break(broken))
        else:
            if response.status_code != 202:
                return response
            yield Pause(retry_after(response))


def _is_intact(path: Path, etag: str) -> bool:
    match = _SHA256.match(etag)
    if match is None:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == match[1]
