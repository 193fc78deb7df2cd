"""NIfTI-1 and NIfTI-2, plain or gzipped, single file or pair (.hdr, .img), in any orientation; Analyze 7.5 pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from shared.arrays import Float64
from shared.errors import BadGeometry, CorruptScan, MissingSpacing, MixedSeries, UnsupportedScan
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.plan import Hints, Pixels, Plan
from shared.imaging.formats.values import MODALITY_GUESSED, guess_modality, scaled
from shared.imaging.geometry import Geometry

_TO_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_MAX_SHEAR = 0.0087  # cosine of the angle between axes: half a degree off a right angle
_CHANNEL = re.compile(r"(.*)_(\d{4})\.nii(?:\.gz)?", re.IGNORECASE)
MOST_CHANNELS = 16
_HEADER_BYTES = {1: 348, 2: 540}
_FIRST_VOXEL = {1: 352, 2: 544}
"""Least offset of the voxels in a single file: the header and the four bytes that announce extensions."""
ORIENTATION_UNKNOWN = "orientation_unknown"
"""Warning: the header has neither a qform nor an sform, so left and right are a convention."""
SPACING_CONFLICT = "spacing_conflict"
"""Warning: the sform and pixdim have different voxel sizes; the sform is used."""
SCALING_UNCLEAR = "scaling_unclear"
"""Warning: the header has a scale slope but no valid intercept; 0 is used."""


@dataclass(frozen=True, slots=True)
class _Voxels:
    """Where the voxels are and how they are stored; `shape` is (slices, rows, columns), slope None: not scaled."""

    member: Member
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    slope: float | None
    intercept: float


def plan(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    """Return the plan of a NIfTI image from its header; `members` is one file, or a .hdr and its .img.

    Several single files named `*_0000.nii.gz`, `*_0001.nii.gz` and so on (as for nnU-Net) are the channels of one scan.
    Raises a `BadScan` for a header that can't be used.
    """
    channels = channels_of(members)
    if channels is None:
        return _plan_image(members, hints, limits)
    first, *others = (_plan_image([member], hints, limits) for member in channels)
    if any(not other.geometry.is_same_grid(first.geometry) for other in others):
        raise BadGeometry("The images of the scan are not on one grid; resample them first.")
    warnings = tuple(dict.fromkeys(code for each in (first, *others) for code in each.warnings))
    itemsize = max(each.itemsize for each in (first, *others))
    return replace(first, itemsize=itemsize, warnings=warnings, further=tuple(other.read for other in others))


def channels_of(members: Sequence[Member]) -> list[Member] | None:
    """Return the files of a scan of several channels in their order; None where the names say nothing of channels.

    Raises MixedSeries where a number is missing or there are too many.
    """
    named = {int(match[2]): match[1] for member in members if (match := _CHANNEL.fullmatch(member.path.as_posix()))}
    if len(members) < 2 or len(named) < len(members) or len(set(named.values())) > 1:
        return None
    if sorted(named) != list(range(len(members))) or len(members) > MOST_CHANNELS:
        raise MixedSeries(
            f"The images of a scan of several channels are named _0000, _0001 and so on, at most {MOST_CHANNELS}; "
            "one of these numbers is missing here."
        )
    return sorted(members, key=lambda member: member.path)


def _plan_image(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    header_file, voxel_file = _files(members)
    header = _header(header_file)
    shape = _shape(header, limits)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise UnsupportedScan("The NIfTI image has colours or complex numbers, not one number per voxel.")
    grid, warnings = _grid(header, shape)
    slope, intercept, scaling = _scaling(header)
    voxels = _Voxels(
        member=voxel_file,
        offset=_offset(header, header_file is voxel_file),
        dtype=dtype,
        shape=grid.shape,
        slope=slope,
        intercept=intercept,
    )
    decoded = 4 if slope is not None or dtype.itemsize > 4 else dtype.itemsize
    return Plan(
        geometry=grid,
        source="nifti",
        itemsize=max(dtype.itemsize, decoded, 2),
        read=partial(_read, voxels, hints),
        warnings=(*warnings, *scaling, *(() if hints.modality else (MODALITY_GUESSED,))),
    )


def _files(members: Sequence[Member]) -> tuple[Member, Member]:
    """Return the file of the header and that of the voxels."""
    headers = [member for member in members if not _is_voxel_file(member)]
    if len(headers) > 1:
        raise MixedSeries(f"There are {len(headers)} NIfTI images in it; send one at a time.")
    header = headers[0]
    if is_single_file(header.content_head(352)):
        return header, header
    base = header.name.lower().removesuffix(".gz").removesuffix(".hdr")
    for member in members:
        if _is_voxel_file(member) and member.name.lower().removesuffix(".gz").removesuffix(".img") == base:
            return header, member
    raise CorruptScan("The .hdr file of a NIfTI or Analyze pair is here without its .img file; send both.")


def _is_voxel_file(member: Member) -> bool:
    return member.name.lower().endswith((".img", ".img.gz"))


def is_single_file(head: bytes) -> bool:
    """Return whether these first 352 bytes are the header of a NIfTI-1 or NIfTI-2 single file."""
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def _header(member: Member) -> Any:
    head = member.content_head(540)
    version = 2 if head[4:8] in (b"n+2\0", b"ni2\0") else 1
    kinds: dict[bool, Any] = {True: nib.Nifti1Header, False: nib.Spm2AnalyzeHeader}
    kind: Any = nib.Nifti2Header if version == 2 else kinds[head[344:348] in (b"n+1\0", b"ni1\0")]
    try:
        # Only the header's own bytes: extensions of any size may follow.
        header = kind(head[: _HEADER_BYTES[version]], check=False)
        header.get_data_dtype(), header.get_data_offset()
        return header
    except Exception as error:  # nibabel raises many kinds of error for a damaged header
        raise CorruptScan("The NIfTI header is damaged.") from error


def _shape(header: Any, limits: Limits) -> tuple[int, int, int]:
    shape = [int(n) for n in header.get_data_shape()]
    if len(shape) < 3 or any(n < 1 for n in shape):
        raise UnsupportedScan("The NIfTI image is not one three-dimensional volume.")
    volumes = int(np.prod(shape[3:], dtype=np.int64))
    if volumes != 1:
        raise UnsupportedScan(
            f"The NIfTI image has {volumes} volumes, not one three-dimensional volume; send one as its own file."
        )
    limits.check_volume(shape)
    return shape[0], shape[1], shape[2]


def _grid(header: Any, shape: tuple[int, int, int]) -> tuple[Geometry, tuple[str, ...]]:
    affine, warnings = _affine(header)
    grid = Geometry.from_ras((shape[2], shape[1], shape[0]), affine)
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() > _MAX_SHEAR:
        raise BadGeometry("The axes of the NIfTI image are not at right angles (a tilted gantry); resample it first.")
    return grid, warnings


def _affine(header: Any) -> tuple[Float64, tuple[str, ...]]:
    """Return the affine to RAS mm: sform, else qform, else voxel sizes alone; and warnings."""
    zooms = np.asarray(header["pixdim"][1:4], dtype=float)
    is_nifti = isinstance(header, nib.Nifti1Header)
    sform = np.array(header.get_sform(), dtype=np.float64) if is_nifti and int(header["sform_code"]) > 0 else None
    if sform is not None and _is_valid(sform):
        sizes = np.linalg.norm(sform[:3, :3], axis=0)
        differs = bool((zooms > 0).all() and np.isfinite(zooms).all() and not np.allclose(sizes, zooms, rtol=0.01))
        return _in_mm(header, sform), (SPACING_CONFLICT,) if differs else ()
    if not np.isfinite(zooms).all() or (zooms <= 0).any():
        raise MissingSpacing("The NIfTI header does not say how large a voxel is.")
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
    except Exception as error:  # a damaged quaternion raises ValueError or HeaderDataError
        raise BadGeometry("The NIfTI header has no valid orientation.") from error
    if not _is_valid(affine):
        raise BadGeometry("The NIfTI header has no valid orientation.")
    known = is_nifti and int(header["qform_code"]) > 0
    return _in_mm(header, affine), () if known else (ORIENTATION_UNKNOWN,)


def _is_valid(affine: Float64) -> bool:
    return bool(np.isfinite(affine).all() and (np.linalg.norm(affine[:3, :3], axis=0) > 0).all()) and bool(
        abs(np.linalg.det(affine[:3, :3])) > 0
    )


def _in_mm(header: Any, affine: Float64) -> Float64:
    if isinstance(header, nib.Nifti1Header):
        try:
            affine[:3] *= _TO_MM.get(header.get_xyzt_units()[0], 1.0)
        except Exception as error:  # an unknown code of units raises KeyError
            raise BadGeometry("The NIfTI header has an unknown unit of length.") from error
    return affine


def _scaling(header: Any) -> tuple[float | None, float, tuple[str, ...]]:
    """Return slope and intercept (slope None: values are stored as they are), and warnings."""
    names = header.template_dtype.names or ()
    slope = float(header["scl_slope"]) if "scl_slope" in names else 1.0
    intercept = float(header["scl_inter"]) if "scl_inter" in names else 0.0
    if not np.isfinite(slope) or slope == 0.0:  # the standard: no scaling
        return None, 0.0, ()
    warnings = () if np.isfinite(intercept) else (SCALING_UNCLEAR,)
    intercept = intercept if np.isfinite(intercept) else 0.0
    return (None if (slope, intercept) == (1.0, 0.0) else slope), intercept, warnings


def _offset(header: Any, single_file: bool) -> int:
    offset = int(header.get_data_offset())
    if offset < 0:
        raise CorruptScan("The NIfTI header says that the voxels start before the file.")
    if not single_file:
        return offset
    return max(offset, _FIRST_VOXEL[2 if isinstance(header, nib.Nifti2Header) else 1])


def _read(voxels: _Voxels, hints: Hints) -> Pixels:
    size = int(np.prod(voxels.shape)) * voxels.dtype.itemsize
    raw = voxels.member.content(voxels.offset, size, "NIfTI")
    # The first axis of a NIfTI image varies fastest: in C order it is (slice, row, column).
    stored: NDArray[Any] = np.frombuffer(raw, voxels.dtype).reshape(voxels.shape)
    data = scaled(stored, voxels.slope, voxels.intercept)
    return Pixels(data, hints.modality or guess_modality(data))
