"""NRRD volumes with their voxels in the same file (.nrrd), as 3D Slicer writes them."""

from __future__ import annotations

from functools import partial
from typing import Any

import nrrd
import numpy as np

from shared.arrays import Float64
from shared.errors import BadGeometry, CorruptScan, MissingSpacing, MixedSeries, UnsupportedScan
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member
from shared.imaging.formats.nifti import ORIENTATION_UNKNOWN
from shared.imaging.formats.plan import Hints, Pixels, Plan
from shared.imaging.formats.values import MODALITY_GUESSED, guess_modality, scaled
from shared.imaging.geometry import Geometry

_TO_LPS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
"""Signs that turn a space's axes into LPS (NRRD format, "space")."""


def plan(members: list[Member], hints: Hints, limits: Limits) -> Plan:
    """Return the plan of an NRRD volume from its header.

    Raises a `BadScan` for a header that can't be used.
    """
    if len(members) > 1:
        raise MixedSeries(f"There are {len(members)} NRRD images in it; send one at a time.")
    member = members[0]
    header = _header(member)
    sizes = [int(size) for size in header.get("sizes", ())]
    if len(sizes) != 3 or min(sizes) < 1:
        raise UnsupportedScan("The NRRD image is not one three-dimensional volume with one number per voxel.")
    limits.check_volume(sizes)
    affine, warnings = _affine(header)
    return Plan(
        geometry=Geometry((sizes[2], sizes[1], sizes[0]), affine),
        source="nrrd",
        itemsize=8,  # the largest number; pynrrd holds the file's bytes beside the voxels
        read=partial(_read, member, hints),
        warnings=(*warnings, *(() if hints.modality else (MODALITY_GUESSED,))),
    )


def _header(member: Member) -> dict[str, Any]:
    try:
        with member.open() as file:
            header: dict[str, Any] = dict(nrrd.read_header(file))
    except Exception as error:  # pynrrd raises many kinds of error for a damaged header
        raise CorruptScan("The NRRD header is damaged.") from error
    if "data file" in header or "datafile" in header:
        raise UnsupportedScan("The NRRD header has its voxels in another file; save it as one .nrrd file.")
    return header


def _affine(header: dict[str, Any]) -> tuple[Float64, tuple[str, ...]]:
    """Return the affine to LPS mm, and warnings."""
    affine = np.eye(4)
    if header.get("space directions") is None:
        spacings = np.asarray(header.get("spacings", ()), dtype=np.float64)
        if spacings.shape != (3,) or not np.isfinite(spacings).all() or (spacings <= 0).any():
            raise MissingSpacing("The NRRD header does not say how large a voxel is.")
        affine[:3, :3] = np.diag(spacings)
        return affine, (ORIENTATION_UNKNOWN,)
    space = str(header.get("space", "")).strip().lower()
    directions = np.asarray(header["space directions"], dtype=np.float64)
    origin = np.asarray(header.get("space origin", (0.0, 0.0, 0.0)), dtype=np.float64)
    if directions.shape != (3, 3) or origin.shape != (3,) or not np.isfinite([*directions.ravel(), *origin]).all():
        raise BadGeometry("The NRRD header has no valid orientation.")
    if abs(np.linalg.det(directions)) == 0:
        raise BadGeometry("The NRRD header has no valid orientation.")
    signs = np.array(_TO_LPS.get(space, (1.0, 1.0, 1.0)))
    affine[:3, :3] = directions.T * signs[:, None]  # rows of "space directions" are array axes
    affine[:3, 3] = origin * signs
    return affine, () if space in _TO_LPS else (ORIENTATION_UNKNOWN,)


def _read(member: Member, hints: Hints) -> Pixels:
    try:
        with member.open() as file:
            stored = nrrd.read_data(nrrd.read_header(file), file, index_order="C")  # (slice, row, column)
    except MemoryError:
        raise
    except Exception as error:  # pynrrd raises many kinds of error for damaged data
        raise CorruptScan("The NRRD data is truncated or damaged.") from error
    if stored.dtype.kind not in "iuf":
        raise UnsupportedScan("The NRRD image does not have one number per voxel.")
    data = scaled(np.asarray(stored), None, 0.0)
    return Pixels(data, hints.modality or guess_modality(data))
