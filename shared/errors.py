"""All errors that users see, in one tree.

    VisceraError
      BadScan                       422  the scan can't be used as it is
        NotAScan                         no image in it that we read
        MixedSeries                      more than one series
        BadGeometry                      tilted, uneven or unknown geometry
        TooFewSlices                     fewer than two slices
        MissingSpacing                   pixel sizes are not known
        CorruptScan                      truncated or damaged
        UnsupportedScan                  a kind of image or compression we don't read
        ScanTooLarge                413  more bytes or voxels than allowed
      BadRequest                    400
      Unauthorized                  401
      Forbidden                     403
      NotFound                      404
      Conflict                      409
      PreconditionFailed            412
      PreconditionRequired          428
      Unprocessable                 422
      TooMany                       429
      Unavailable                   503
      ModelError                         a model or its card is not what it says

A message is one sentence for the person who sent the scan; it never holds paths, names or values from the scan's
personal attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class VisceraError(Exception):
    """Base of all errors that users see: a stable `code`, an HTTP `status` and one sentence."""

    code = "error"
    status = 500
    members: Mapping[str, Any] = {}
    """Further members of the problem document."""

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class BadScan(VisceraError):
    """The scan can't be used as it is."""

    code = "bad_scan"
    status = 422


class NotAScan(BadScan):
    """The upload has no image that the service reads."""

    code = "not_a_scan"


class MixedSeries(BadScan):
    """The upload has more than one series."""

    code = "mixed_series"


class BadGeometry(BadScan):
    """The slices are tilted, unevenly spaced, incomplete or without usable geometry."""

    code = "bad_geometry"


class TooFewSlices(BadScan):
    """The scan has fewer than two slices."""

    code = "too_few_slices"


class MissingSpacing(BadScan):
    """The size of a pixel is not known."""

    code = "missing_spacing"


class CorruptScan(BadScan):
    """The data is truncated or damaged."""

    code = "corrupt_scan"


class UnsupportedScan(BadScan):
    """The service does not read this kind of image or compression."""

    code = "unsupported_scan"


class ScanTooLarge(BadScan):
    """The scan has more bytes or voxels than allowed."""

    code = "scan_too_large"
    status = 413


class BadRequest(VisceraError):
    """The request is malformed."""

    code = "bad_request"
    status = 400


class Unauthorized(VisceraError):
    """The request has no valid API key."""

    code = "unauthorized"
    status = 401


class Forbidden(VisceraError):
    """The key does not allow this request."""

    code = "forbidden"
    status = 403


class NotFound(VisceraError):
    """The object does not exist, or it belongs to another tenant."""

    code = "not_found"
    status = 404


class Conflict(VisceraError):
    """The state of the object does not allow this request."""

    code = "conflict"
    status = 409


class PreconditionFailed(VisceraError):
    """The object has changed since the sender read it; `members` say how it is now."""

    code = "precondition_failed"
    status = 412

    def __init__(self, detail: str, code: str | None = None, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail, code)
        self.members = members or {}


class PreconditionRequired(VisceraError):
    """The request does not say which state of the object it is for."""

    code = "precondition_required"
    status = 428


class Unprocessable(VisceraError):
    """The request is well formed but can't be carried out."""

    code = "unprocessable"
    status = 422


class TooMany(VisceraError):
    """There are too many requests or jobs; try again `after` that many seconds."""

    code = "too_many"
    status = 429

    def __init__(self, detail: str, code: str | None = None, after: float = 5.0) -> None:
        super().__init__(detail, code)
        self.after = after


class Unavailable(VisceraError):
    """The ledger or the store is not available; nothing was accepted."""

    code = "unavailable"
    status = 503


class ModelError(VisceraError):
    """A model file or its card is missing, damaged or inconsistent."""

    code = "bad_model"
