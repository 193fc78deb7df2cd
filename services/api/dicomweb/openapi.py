"""What DICOMweb's routes may answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from services.api.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def told(status: int, description: str, *kinds: str) -> Responses:
    """One status with the media types it comes in."""
    content: dict[str, Any] = {"content": {kind: {} for kind in kinds}} if kinds else {}
    return {status: {"description": description, **content}}


_SETS = ("application/dicom+json", "application/dicom+xml")
_LISTS = ("application/dicom+json", "multipart/related")
REFUSED = told(406, "Nothing of what the client takes.", MEDIA_TYPE) | told(409, "The state forbids it.", MEDIA_TYPE)
STORED = (
    told(200, "All instances are stored.", *_SETS)
    | told(202, "Some are stored, or one with a warning.", *_SETS)
    | told(406, "Nothing of what the client takes.", MEDIA_TYPE)
    | told(409, "No instance is stored.", *_SETS)
)
FOUND = told(200, "What matches.", *_LISTS) | told(204, "Nothing matches.")
_BYTES = ("multipart/related", "application/dicom", "image/jpeg", "image/png")
RETRIEVED = REFUSED | told(200, "The instances, their metadata or pictures.", *_BYTES, *_SETS)
WORKED = (
    REFUSED
    | told(200, "The workitem, or done.", *_LISTS, "application/dicom+xml")
    | told(201, "Made.")
    | told(202, "Taken.")
    | told(204, "Nothing matches.")
)
EXPORTED = told(200, "A zip of DICOM files.", "application/zip")
