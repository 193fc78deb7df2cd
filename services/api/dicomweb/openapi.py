"""Responses of the DICOMweb routes in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from services.api.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def response(code: int, description: str, *kinds: str) -> Responses:
    """Return the OpenAPI entry of one status and its media types."""
    content: dict[str, Any] = {"content": {kind: {} for kind in kinds}} if kinds else {}
    return {code: {"description": description, **content}}


_SETS = ("application/dicom+json", "application/dicom+xml")
_LISTS = ("application/dicom+json", "multipart/related")
REFUSED = response(406, "No acceptable media type.", MEDIA_TYPE) | response(409, "The state forbids it.", MEDIA_TYPE)
STORED = (
    response(200, "All instances are stored.", *_SETS)
    | response(202, "Some are stored, or one with a warning.", *_SETS)
    | response(406, "No acceptable media type.", MEDIA_TYPE)
    | response(409, "No instance is stored.", *_SETS)
)
FOUND = response(200, "What matches.", *_LISTS) | response(204, "Nothing matches.")
_BYTES = ("multipart/related", "application/dicom", "image/jpeg", "image/png")
RETRIEVED = REFUSED | response(200, "The instances, their metadata or pictures.", *_BYTES, *_SETS)
WORKED = (
    REFUSED
    | response(200, "The workitem, or done.", *_LISTS, "application/dicom+xml")
    | response(201, "Made.")
    | response(202, "Taken.")
    | response(204, "Nothing matches.")
)
EXPORTED = response(200, "A zip of DICOM files.", "application/zip")
