"""Everything that can go wrong, in one tree.

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
      Unprocessable                 422
      TooMany                       429
      Unavailable                   503
      ModelError                         a model or its card is not what it says

A message is one sentence for the person who sent the scan; it never holds paths, names or values from the scan's
personal attributes.
"""

from __future__ import annotations


class VisceraError(Exception):
    """Base of all errors the service explains to its users: a stable `code`, an HTTP `status`, one sentence."""

    code = "error"
    status = 500

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
    """There is no image in the upload that the service reads."""

    code = "not_a_scan"


class MixedSeries(BadScan):
    """The upload holds more than one series."""

    code = "mixed_series"


class BadGeometry(BadScan):
    """The slices are tilted, unevenly spaced, incomplete or have no usable geometry."""

    code = "bad_geometry"


class TooFewSlices(BadScan):
    """A surface needs at least two slices."""

    code = "too_few_slices"


class MissingSpacing(BadScan):
    """The size of a pixel is not known."""

    code = "missing_spacing"


class CorruptScan(BadScan):
    """The data is truncated or damaged."""

    code = "corrupt_scan"


class UnsupportedScan(BadScan):
    """A kind of image or a compression that the service does not read."""

    code = "unsupported_scan"


class ScanTooLarge(BadScan):
    """The scan has more bytes or voxels than allowed."""

    code = "scan_too_large"
    status = 413


class BadRequest(VisceraError):
    """The request is not understood."""

    code = "bad_request"
    status = 400


class Unauthorized(VisceraError):
    """No valid API key came with the request."""

    code = "unauthorized"
    status = 401


class Forbidden(VisceraError):
    """The key is known, but not for this."""

    code = "forbidden"
    status = 403


class NotFound(VisceraError):
    """There is no such thing, or it belongs to somebody else."""

    code = "not_found"
    status = 404


class Conflict(VisceraError):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409


class Unprocessable(VisceraError):
    """The request is understood but can't be carried out."""

    code = "unprocessable"
    status = 422


class TooMany(VisceraError):
    """Too many requests or jobs; worth another try `after` so many seconds."""

    code = "too_many"
    status = 429

    def __init__(self, detail: str, code: str | None = None, after: float = 5.0) -> None:
        super().__init__(detail, code)
        self.after = after


class Unavailable(VisceraError):
    """The ledger or the store can't be reached; nothing was accepted."""

    code = "unavailable"
    status = 503


class ModelError(VisceraError):
    """A model file or its card is missing, damaged or not what it says."""

    code = "bad_model"
