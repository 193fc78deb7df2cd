"""What goes wrong, each with a stable code and one sentence. All are kinds of ServiceError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from viscera_client.models import Job


class ServiceError(Exception):
    """The service did not do what it was asked for: a stable `code`, one sentence, the HTTP `status`, or 0 without one.

    `members` are what an answer says beside them.
    """

    def __init__(self, detail: str, code: str, status: int = 0, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail, self.code, self.status, self.members = detail, code, status, members or {}


class Refused(ServiceError):
    """The request can't be carried out as it is."""


class Changed(Refused):
    """The object has changed since the sender read it; `members` say how it is now."""


class JobFailed(ServiceError):
    """The job ended without a result; the code is the job's."""

    def __init__(self, job: Job) -> None:
        if job.error:
            super().__init__(job.error.detail, job.error.code)
        else:
            super().__init__(f"The job was {job.state}.", f"job_{job.state}")
        self.job = job


class Unreachable(ServiceError):
    """The connection could not be opened, or it broke."""

    code = "unreachable"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"The server is not available ({type(error).__name__}).", self.code)


class DamagedDownload(ServiceError):
    """A file arrived with other bytes than its ETag says."""

    code = "damaged_download"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} arrived with other bytes than the server has.", self.code)


def error_of(response: httpx.Response) -> ServiceError | None:
    """Return the error that an answer is, or None; its body has been read (RFC 9457)."""
    status = response.status_code
    if status < 400:
        return None
    try:
        members = dict(response.json())
        detail, code = str(members["detail"]), str(members["code"])
    except (ValueError, KeyError, TypeError):
        members, detail, code = {}, f"The server answered {status}.", "http_error"
    kind = Changed if status == 412 else Refused if status < 500 else ServiceError
    return kind(detail, code, status, members)
