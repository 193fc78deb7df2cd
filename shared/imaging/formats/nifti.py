"""NIfTI-1 and NIfTI-2, plain or gzipped, in any orientation."""

from __future__ import annotations

import gzip
import io
import zlib
from functools import partial
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from shared.errors import (
    BadGeometry,
    CorruptScan,
    MissingSpacing,
    MixedSeries,
    ScanTooLarge,
    TooFewSlices,
    UnsupportedScan,
)
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.plan import Pixels, Plan
from shared.imaging.geometry import Geometry

_TO_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_MAX_SHEAR = 0.0087  # cosine of the angle between axes: half a degree off a right angle
_CT_AIR = -500  # HU; MR has no values this low


def plan(members: list[Member], spacing: tuple[float, float, float] | None, limits: Limits) -> Plan:
    """Return the plan of a NIfTI image from its header.

    Raises a `BadScan` for a header that can't be used.
    """
    del spacing  # a NIfTI file has its own spacing
    if len(members) > 1:
        raise MixedSeries(f"There are {len(members)} NIfTI images in it; send one at a time.")
    header = _header(members[0])
    shape = _shape(header, limits)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise UnsupportedScan("The NIfTI image holds colours or complex numbers, not one number per voxel.")
    return Plan(_grid(header, shape), "nifti", max(dtype.itemsize, 2), partial(_read, members[0], header, shape))


def _header(member: Member) -> Any:
    head = member.head(540)
    if head.startswith(b"\x1f\x8b"):
        head = member.inflated_head(540)
    kind = nib.Nifti2Header if head[4:8] == b"n+2\0" else nib.Nifti1Header
    try:
        header = kind.from_fileobj(io.BytesIO(head), check=False)
        header.get_data_dtype(), header.get_data_offset()
        return header
    except Exception as error:  # nibabel raises many kinds of error for a damaged header
        raise CorruptScan("The NIfTI header is damaged.") from error


def _shape(header: Any, limits: Limits) -> tuple[int, int, int]:
    shape = [int(n) for n in header.get_data_shape()]
    if len(shape) < 3 or any(n < 1 for n in shape) or any(n != 1 for n in shape[3:]):
        raise UnsupportedScan("The NIfTI image is not one three-dimensional volume.")
    limits.check_voxels(tuple(shape))
    if min(shape[:3]) < 2:
        raise TooFewSlices("One slice makes no volume; at least two are needed along every axis.")
    return shape[0], shape[1], shape[2]


def _grid(header: Any, shape: tuple[int, int, int]) -> Geometry:
    zooms = np.asarray(header.get_zooms()[:3], dtype=float)
    if not np.isfinite(zooms).all() or (zooms <= 0).any():
        raise MissingSpacing("The NIfTI header does not say how large a voxel is.")
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
        affine[:3] *= _TO_MM.get(header.get_xyzt_units()[0], 1.0)
    except Exception as error:  # a damaged quaternion raises ValueError or HeaderDataError
        raise BadGeometry("The NIfTI header holds no valid orientation.") from error
    grid = Geometry.from_ras((shape[2], shape[1], shape[0]), affine)
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() > _MAX_SHEAR:
        raise BadGeometry("The axes of the NIfTI image are not at right angles (a tilted gantry); resample it first.")
    return grid


def _read(member: Member, header: Any, shape: tuple[int, int, int]) -> Pixels:
    dtype = header.get_data_dtype()
    count = shape[0] * shape[1] * shape[2]
    raw = _payload(member, int(header.get_data_offset()), count * dtype.itemsize)
    # The first axis of a NIfTI image varies fastest: in C order it is (slice, row, column).
    data: NDArray[Any] = np.frombuffer(raw, dtype).reshape(shape[::-1])
    slope, intercept = (header.get_slope_inter() or (None, None)) if dtype.kind in "iuf" else (None, None)
    if slope is not None and (slope, intercept) != (1.0, 0.0):
        data = data.astype(np.float32) * np.float32(slope) + np.float32(intercept or 0.0)
    elif data.dtype.itemsize > 4 or not data.dtype.isnative:
        data = data.astype(
            np.float32 if data.dtype.kind == "f" or data.dtype.itemsize > 2 else data.dtype.newbyteorder("=")
        )
    if data.dtype.kind == "f":
        data = np.nan_to_num(data, nan=0.0, posinf=0.0, neginf=0.0)
    return Pixels(data, "CT" if float(data.min()) <= _CT_AIR else "MR")


def _payload(member: Member, offset: int, size: int) -> bytes:
    try:
        with member.open() as file:
            stream = gzip.GzipFile(fileobj=file) if file.read(2) == b"\x1f\x8b" else file
            file.seek(0)
            stream.seek(offset)
            raw = stream.read(size)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise CorruptScan("The NIfTI data is damaged.") from error
    if len(raw) < size:
        raise CorruptScan(f"The NIfTI data is truncated: it has {len(raw)} of {size} bytes.")
    if member.size > 8 * size + 2**20:
        raise ScanTooLarge("The NIfTI file is far larger than its voxels need.")
    return raw
